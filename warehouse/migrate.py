"""Bring a warehouse to this release's schema: numbered SQL files, each applied with its record in one transaction."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from importlib.resources import files

import duckdb

from schemas.errors import WarehouseError
from warehouse.queries import query_text

Step = tuple[int, str, str]
"""Number, name and SQL of a migration."""


@cache
def steps() -> tuple[Step, ...]:
    """Every migration, in order."""
    scripts = (path for path in files("warehouse.migrations").iterdir() if path.name.endswith(".sql"))
    found = sorted(scripts, key=lambda path: path.name)
    return tuple((int(path.name[:3]), path.name[4:-4], path.read_text(encoding="utf-8")) for path in found)


def schema_version(con: duckdb.DuckDBPyConnection) -> int:
    """Number of the last applied migration; 0 for an empty lake."""
    try:
        last = con.execute("select max(number) from migrations").fetchone()
    except duckdb.CatalogException:  # there is no such table
        return 0
    return int(last[0]) if last and last[0] is not None else 0


def refuse_newer(con: duckdb.DuckDBPyConnection) -> int:
    """The schema version. Raises WarehouseError when a newer release wrote the warehouse."""
    version, newest = schema_version(con), steps()[-1][0]
    if version > newest:
        raise WarehouseError(
            f"This warehouse has schema {version}, but this release knows {newest}; upgrade prefinery to open it."
        )
    return version


def migrate(con: duckdb.DuckDBPyConnection, known: Sequence[Step] | None = None) -> None:
    """Apply the migrations that the lake has not seen: of this release, or `known` ones."""
    version = refuse_newer(con)
    for number, name, sql in steps() if known is None else known:
        if number <= version:
            continue
        con.execute("begin")
        try:
            con.execute("create table if not exists migrations (number integer not null, name varchar not null)")
            con.execute(sql)
            con.execute("insert into migrations values ($number, $name)", {"number": number, "name": name})
            con.execute("commit")
        except BaseException:
            con.execute("rollback")
            raise
    con.execute(query_text("empty_statistics"))
