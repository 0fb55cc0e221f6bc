"""DuckDB's extensions: from its own folder, from the pinned PyPI package, or downloaded."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import duckdb

from schemas.errors import WarehouseError

ALONE: dict[str, str | bool | int | float | list[str]] = {
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
}
"""No extension comes that was not asked for."""

CHECKED = ".checked"
"""After the name of an extension's file: its size and time when DuckDB found the signature right."""


def duckdb_with(*extensions: str) -> duckdb.DuckDBPyConnection:
    """A connection with these extensions, which writes nothing to the terminal.

    To check a signature DuckDB hashes the whole file, 70 MB of them, at every load: 0.2 s of each command. A file that
    was found right, and has not changed since, is loaded as it is.
    """
    con = duckdb.connect(config=ALONE | {"allow_unsigned_extensions": True})
    known = all(_was_checked(file) for file in _files(con, extensions))
    if not known:
        con.close()
        con = duckdb.connect(config=ALONE)
    con.execute("set enable_progress_bar = false")  # it writes to standard output, where rows may be on their way
    for extension in extensions:
        _load(con, extension)
    if not known:
        _remember(_files(con, extensions))
    return con


def _files(con: duckdb.DuckDBPyConnection, extensions: tuple[str, ...]) -> list[Path | None]:
    """Where each extension is installed; None where it is not."""
    asked = "select extension_name, install_path from duckdb_extensions() where installed"
    known: dict[str, str] = dict(con.execute(asked).fetchall())
    return [Path(known[name]) if known.get(name) else None for name in extensions]


def _stamp(file: Path) -> str:
    facts = file.stat()
    return f"{facts.st_size} {facts.st_mtime_ns}"


def _was_checked(file: Path | None) -> bool:
    try:
        return file is not None and file.with_name(file.name + CHECKED).read_text() == _stamp(file)
    except OSError:
        return False


def _remember(files: list[Path | None]) -> None:
    for file in filter(None, files):
        with suppress(OSError):  # a folder that is only read is checked every time
            file.with_name(file.name + CHECKED).write_text(_stamp(file))


def _load(con: duckdb.DuckDBPyConnection, extension: str) -> None:
    """Load an installed extension; else put the pinned PyPI package's in its place, or let DuckDB download it."""
    try:
        con.load_extension(extension)
    except duckdb.Error:
        _install(con, extension)
        con.load_extension(extension)


def _install(con: duckdb.DuckDBPyConnection, extension: str) -> None:
    try:
        from duckdb_extensions import import_extension

        import_extension(extension, force_install=True, con=con)
    except (ImportError, FileNotFoundError):
        try:
            con.install_extension(extension, force_install=True)
        except duckdb.Error as error:
            package = f"duckdb-extension-{extension.replace('_', '-')}=={duckdb.__version__}"
            raise WarehouseError(f"DuckDB's {extension} extension is missing; run: pip install {package}") from error
