"""Open DuckDB with the extensions that a place needs, and attach its lake."""

from __future__ import annotations

import duckdb

from schemas.errors import ConfigError
from warehouse.extensions import duckdb_with
from warehouse.memory import allowed, bound, spill
from warehouse.place import SQLITE, Place
from warehouse.queries import literal
from warehouse.s3 import give_keys

BUSY_TIMEOUT_MS = 60_000
"""Longest wait for another process to finish with an SQLite catalogue."""


def connect(place: Place, *, read_only: bool = False, snapshot: int | None = None) -> duckdb.DuckDBPyConnection:
    """A DuckDB connection whose default catalogue is the lake at `place`, at a snapshot if one is given."""
    con = _duckdb(place)
    spill(con)
    bound(con, allowed())
    con.execute("set parquet_metadata_cache = true")  # a data file never changes
    # Rows go to Parquet at once: a published version must be readable without the catalogue's own row store.
    options = [f"data_path {literal(place.data_path)}", "data_inlining_row_limit 0"]
    if not place.is_postgres:
        options.append("override_data_path true")  # the folder may have been moved
    if place.catalog == SQLITE:
        # Readers and the writer share the catalogue: with a write-ahead log they do not shut each other out.
        options += [f"meta_busy_timeout {BUSY_TIMEOUT_MS}", "meta_journal_mode 'WAL'"]
    if read_only:
        options.append("read_only")
    if snapshot is not None:
        options.append(f"snapshot_version {snapshot:d}")
    con.execute(f"attach {literal(f'ducklake:{place.catalog_name}')} as lake ({', '.join(options)})")
    con.execute("use lake")
    return con


def refuse_shared_data(place: Place) -> None:
    """Raise ConfigError when a new catalogue would keep its data among other files.

    Two catalogues over the same data would each take the other's files for orphans.
    """
    if place.data is None:
        return
    with _duckdb(place) as con:
        if not _is_new(con, place):
            return
        if con.execute("select file from glob($files) limit 1", {"files": f"{place.data_path}**"}).fetchone():
            raise ConfigError(f"{place.data} holds files already; a new catalogue needs an empty place for its data.")


def _is_new(con: duckdb.DuckDBPyConnection, place: Place) -> bool:
    if not place.is_postgres:
        return not place.exists
    con.execute(f"attach {literal(place.catalog)} as catalogue (type postgres, read_only)")
    known = "select 1 from duckdb_tables() where database_name = 'catalogue' and table_name = 'ducklake_metadata'"
    return con.execute(known).fetchone() is None


def _duckdb(place: Place) -> duckdb.DuckDBPyConnection:
    """A connection with what the place needs, and nothing attached."""
    wanted = {
        "ducklake": True,
        "sqlite_scanner": place.catalog == SQLITE,
        "postgres_scanner": place.is_postgres,
        "httpfs": place.is_s3,
    }
    con = duckdb_with(*(name for name, needed in wanted.items() if needed))
    if place.is_s3:
        give_keys(con, place.data_path)
    return con
