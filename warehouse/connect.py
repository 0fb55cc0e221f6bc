"""Open DuckDB with the DuckLake extensions, and attach a warehouse folder."""

from __future__ import annotations

from pathlib import Path

import duckdb

from schemas.errors import WarehouseError

CATALOG = "catalog.sqlite"
DATA = "data"
EXTENSIONS = ("ducklake", "sqlite_scanner")
BUSY_TIMEOUT_MS = 60_000
"""Longest wait for another process to finish with the catalogue."""


def connect(folder: Path, *, read_only: bool = False, snapshot: int | None = None) -> duckdb.DuckDBPyConnection:
    """A DuckDB connection whose default catalogue is the lake in `folder`, at a snapshot if one is given."""
    con = duckdb.connect()
    for extension in EXTENSIONS:
        _load(con, extension)
    options = [f"data_path '{_quoted(folder.resolve() / DATA)}/'", "override_data_path true"]
    # Rows go to Parquet at once: a published version must be readable without the catalogue's own row store.
    options.append("data_inlining_row_limit 0")
    # Readers and the writer share the catalogue: with a write-ahead log they do not shut each other out.
    options += [f"meta_busy_timeout {BUSY_TIMEOUT_MS}", "meta_journal_mode 'WAL'"]
    if read_only:
        options.append("read_only")
    if snapshot is not None:
        options.append(f"snapshot_version {snapshot:d}")
    con.execute(f"attach 'ducklake:sqlite:{_quoted(folder.resolve() / CATALOG)}' as lake ({', '.join(options)})")
    con.execute("use lake")
    return con


def _quoted(path: Path) -> str:
    return str(path).replace("'", "''")


def _load(con: duckdb.DuckDBPyConnection, extension: str) -> None:
    """Load an installed extension; else the one of the pinned PyPI package; else let DuckDB download it."""
    try:
        con.load_extension(extension)
    except duckdb.Error:
        _install(con, extension)
        con.load_extension(extension)


def _install(con: duckdb.DuckDBPyConnection, extension: str) -> None:
    try:
        from duckdb_extensions import import_extension

        import_extension(extension, con=con)
    except (ImportError, FileNotFoundError):
        try:
            con.install_extension(extension)
        except duckdb.Error as error:
            package = f"duckdb-extension-{extension.replace('_', '-')}=={duckdb.__version__}"
            raise WarehouseError(f"DuckDB's {extension} extension is missing; run: pip install {package}") from error
