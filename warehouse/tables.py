"""Every table, found by walking `schemas`: a new file there is a new table here."""

from __future__ import annotations

import pkgutil
from functools import cache
from importlib import import_module

import schemas
from schemas.table import Table


@cache
def all_tables() -> tuple[Table, ...]:
    """All tables of the vocabulary, by name."""
    found = {
        value.name: value
        for info in pkgutil.iter_modules(schemas.__path__, "schemas.")
        for value in vars(import_module(info.name)).values()
        if isinstance(value, Table)
    }
    return tuple(found[name] for name in sorted(found))
