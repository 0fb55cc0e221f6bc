"""Questions of people that take parameters: table macros, one `.sql` file each, called as `from diff('A@1', 'A@2')`."""

from __future__ import annotations

from importlib.resources import files

import duckdb


def create_macros(con: duckdb.DuckDBPyConnection) -> None:
    """Make every macro on a connection. Their texts are read when they are called."""
    for path in sorted(files("warehouse.macros").iterdir(), key=lambda path: path.name):
        if path.name.endswith(".sql"):
            con.execute(path.read_text(encoding="utf-8"))
