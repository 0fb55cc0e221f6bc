"""Where rows live: the only folder that knows DuckDB and DuckLake. Imports schemas; never judges or trains.

In a notebook: `warehouse.query(folder, "select ...")` and `warehouse.read_version(lake, "NAME@V")`.
"""

from warehouse.readonly import query
from warehouse.rows import read_version

__all__ = ["query", "read_version"]
