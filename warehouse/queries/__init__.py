"""Named questions: one `.sql` file each, whose first line lists its parameters."""

from __future__ import annotations

from functools import cache
from importlib.resources import files


@cache
def query_text(name: str) -> str:
    """The SQL of `<name>.sql`."""
    return (files("warehouse.queries") / f"{name}.sql").read_text(encoding="utf-8")


def literal(text: str) -> str:
    """Text as SQL writes it, for statements that take no parameters."""
    return "'" + text.replace("'", "''") + "'"
