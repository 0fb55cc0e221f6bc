"""Functions that a query may not name: they reach past DuckDB's own confinement."""

from __future__ import annotations

import re

import duckdb

from schemas.errors import InputError

FOREIGN = re.compile(r"\b((postgres|sqlite)_\w+|query|json_execute_serialized_sql)\b", re.IGNORECASE)
"""The catalogue's extensions open any file and any server, and send statements to ours; the others hide such names."""

COMMENT = re.compile(r"--.*|/\*.*", re.DOTALL)


def refuse_foreign(sql: str) -> None:
    """Raise InputError when a query names a function that leaves the warehouse."""
    text = sql.encode()
    end = len(text)
    for start, kind in reversed(duckdb.tokenize(sql)):
        token = COMMENT.sub("", text[start:end].decode(errors="replace"))
        end = start
        if kind != duckdb.token_type.string_const and (found := FOREIGN.search(token)):
            raise InputError(f"prefinery sql reads the warehouse only; {found[0]} is not available.")
