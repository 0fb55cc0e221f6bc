"""Open DuckDB with the extensions that a place needs, and attach its lake."""

from __future__ import annotations

import duckdb

from warehouse.extensions import load
from warehouse.place import SQLITE, Place
from warehouse.queries import literal
from warehouse.s3 import give_keys

BUSY_TIMEOUT_MS = 60_000
"""Longest wait for another process to finish with an SQLite catalogue."""


def connect(place: Place, *, read_only: bool = False, snapshot: int | None = None) -> duckdb.DuckDBPyConnection:
    """A DuckDB connection whose default catalogue is the lake at `place`, at a snapshot if one is given."""
    con = duckdb.connect()
    load(con, "ducklake")
    # Rows go to Parquet at once: a published version must be readable without the catalogue's own row store.
    options = [f"data_path {literal(place.data_path)}", "data_inlining_row_limit 0"]
    if place.is_postgres:
        load(con, "postgres_scanner")
    else:
        options.append("override_data_path true")  # the folder may have been moved
    if place.catalog == SQLITE:
        load(con, "sqlite_scanner")
        # Readers and the writer share the catalogue: with a write-ahead log they do not shut each other out.
        options += [f"meta_busy_timeout {BUSY_TIMEOUT_MS}", "meta_journal_mode 'WAL'"]
    if place.is_s3:
        load(con, "httpfs")
        give_keys(con, place.data_path)
    if read_only:
        options.append("read_only")
    if snapshot is not None:
        options.append(f"snapshot_version {snapshot:d}")
    con.execute(f"attach {literal(f'ducklake:{place.catalog_name}')} as lake ({', '.join(options)})")
    con.execute("use lake")
    return con
