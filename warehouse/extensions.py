"""DuckDB's extensions: from its own folder, from the pinned PyPI package, or downloaded."""

from __future__ import annotations

import duckdb

from schemas.errors import WarehouseError


def duckdb_with(*extensions: str) -> duckdb.DuckDBPyConnection:
    """A connection with these extensions, which writes nothing to the terminal."""
    con = duckdb.connect()
    con.execute("set enable_progress_bar = false")  # it writes to standard output, where rows may be on their way
    for extension in extensions:
        _load(con, extension)
    return con


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
