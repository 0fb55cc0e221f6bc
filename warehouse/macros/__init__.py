"""Questions of people that take parameters: table macros, one `.sql` file each, called as `from diff('A@1', 'A@2')`."""

from __future__ import annotations

import re
from collections.abc import Set
from functools import cache
from importlib.resources import files

import duckdb

CALL = re.compile(r"\b(\w+)\(")


@cache
def macro_texts() -> dict[str, str]:
    """The SQL of every macro, by name."""
    scripts = (path for path in files("warehouse.macros").iterdir() if path.name.endswith(".sql"))
    return {path.name[:-4]: path.read_text(encoding="utf-8") for path in sorted(scripts, key=lambda path: path.name)}


def create_called(con: duckdb.DuckDBPyConnection, text: str, there: Set[str] = frozenset()) -> Set[str]:
    """Make the macros that a query calls, but those that are there; return the new ones."""
    if called := (macro_texts().keys() & {*CALL.findall(text)}) - there:
        create_macros(con, *sorted(called))
    return called


def create_macros(con: duckdb.DuckDBPyConnection, *names: str) -> None:
    """Make these macros on a connection, or all of them. Their texts are bound now, and again when they are called."""
    texts = macro_texts()
    for name in names or texts:
        con.execute(texts[name])
