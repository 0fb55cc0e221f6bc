"""Views for people: one `.sql` file each. The first line says what a row is; each column of the answer has a comment.

They are made when somebody asks, not stored: an old version of the data is seen through today's definitions.
"""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files

import duckdb

COLUMN = re.compile(r"^    .*?(\w+),?\s+-- (.+)$", re.MULTILINE)
"""A line of the answer: indented once, ending with the column's name and its comment."""


@cache
def view_texts() -> dict[str, str]:
    """The SQL of every view, by name."""
    scripts = (path for path in files("warehouse.views").iterdir() if path.name.endswith(".sql"))
    return {path.name[:-4]: path.read_text(encoding="utf-8") for path in sorted(scripts, key=lambda path: path.name)}


def row_of(view: str) -> str:
    """What a row of a view is."""
    return view_texts()[view].split("\n", 1)[0].removeprefix("-- ")


def columns_of(view: str) -> dict[str, str]:
    """The comment on every column of a view."""
    return {name: comment for name, comment in COLUMN.findall(view_texts()[view])}


def create_views(con: duckdb.DuckDBPyConnection, *names: str) -> None:
    """Make these views on a connection, or all of them; what one reads must be among them.

    One whose columns an old snapshot lacks is left out there.
    """
    pending = {name: view_texts()[name] for name in names or view_texts()}
    con.execute("begin")  # DuckLake opens its catalogue once a transaction, not once a view
    while pending:
        failed = {name: text for name, text in pending.items() if not _create(con, name, text)}
        if len(failed) == len(pending):
            break
        pending = failed  # some views read others
    con.execute("commit")


def _create(con: duckdb.DuckDBPyConnection, name: str, text: str) -> bool:
    try:
        con.execute(f"create or replace temp view {name} as {text}")  # a file of this folder
    except (duckdb.CatalogException, duckdb.BinderException):
        return False
    return True
