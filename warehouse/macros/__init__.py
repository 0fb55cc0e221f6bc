"""Questions of people that take parameters: table macros, one `.sql` file each, called as `from diff('A@1', 'A@2')`."""

from __future__ import annotations

from importlib.resources import files

import duckdb


def macro_texts() -> dict[str, str]:
    """The SQL of every macro, by name."""
    scripts = (path for path in files("warehouse.macros").iterdir() if path.name.endswith(".sql"))
    return {path.name[:-4]: path.read_text(encoding="utf-8") for path in sorted(scripts, key=lambda path: path.name)}


def create_macros(con: duckdb.DuckDBPyConnection) -> None:
    """Make every macro on a connection. Their texts are read when they are called."""
    for text in macro_texts().values():
        con.execute(text)
