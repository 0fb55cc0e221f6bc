"""SQL for people: any query, nothing but queries."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pyarrow as pa

from schemas.errors import InputError
from warehouse.foreign import refuse_foreign
from warehouse.lake import Lake
from warehouse.queries import literal
from warehouse.versions import find_version

READS = {"SELECT", "EXPLAIN", "PRAGMA", "SHOW", "DESCRIBE"}
"""Statement kinds that a reader may run (DuckDB's own names)."""


def query(folder: Path, sql: str, *, at: str | None = None) -> pa.Table:
    """The answer of one read-only statement, on the newest data or as of version `at` (NAME@V).

    Raises InputError when the statement is no query or fails, with DuckDB's reason.
    """
    snapshot = None
    if at is not None:
        with Lake.open(folder, read_only=True) as lake:
            snapshot = find_version(lake, at).snapshot
    with Lake.open(folder, read_only=True, snapshot=snapshot) as lake:
        _confine(lake)
        try:
            statements = lake.con.extract_statements(sql)
            if len(statements) != 1 or statements[0].type.name not in READS:
                raise InputError(
                    "prefinery sql answers one query at a time and changes nothing; write a single SELECT."
                )
            refuse_foreign(sql)
            return lake.con.execute(statements[0]).to_arrow_table()
        except duckdb.Error as error:
            raise InputError(f"The query fails: {str(error).strip()}") from error


def _confine(lake: Lake) -> None:
    """Leave the query nothing but the lake's own files: no other file, no network, no settings, no extensions."""
    lake.con.execute(f"set allowed_directories = [{literal(lake.place.data_path)}]")
    lake.con.execute("set enable_external_access = false")
    lake.con.execute("set lock_configuration = true")
