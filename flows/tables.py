"""Print rows: as a table for people, as CSV, JSON or Parquet for programs."""

from __future__ import annotations

import json
import sys

import pyarrow as pa

from schemas.errors import ConfigError

FORMATS = ("table", "csv", "json", "parquet")
PIPE_WIDTH = 200
MAX_CELL = 120
"""Longest cell of a printed table, in characters."""


def show(rows: pa.Table, output: str) -> None:
    """Write rows to standard output in one of FORMATS."""
    if output not in FORMATS:
        raise ConfigError(f"--format {output}: write one of {', '.join(FORMATS)}.")
    if output == "table":
        _table(rows)
    elif output == "json":
        sys.stdout.write(json.dumps(rows.to_pylist(), default=str, ensure_ascii=False, indent=1) + "\n")
    elif output == "csv":
        import polars as pl

        frame = pl.DataFrame(pl.from_arrow(rows))
        nested = [name for name, kind in frame.schema.items() if kind.is_nested()]
        texts = [pl.Series(name, [json.dumps(cell, default=str) for cell in frame[name].to_list()]) for name in nested]
        sys.stdout.write(frame.with_columns(texts).write_csv())
    else:
        import pyarrow.parquet as pq

        pq.write_table(rows, sys.stdout.buffer)


def _table(rows: pa.Table) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD)
    for field in rows.schema:
        right = pa.types.is_integer(field.type) or pa.types.is_floating(field.type)
        table.add_column(field.name, justify="right" if right else "left", no_wrap=right, overflow="fold")
    for row in rows.to_pylist():
        table.add_row(*(_cell(value) for value in row.values()))
    # A pipe has no width of its own; lines must not be broken at 80 for it.
    Console(width=None if sys.stdout.isatty() else PIPE_WIDTH).print(table, markup=False)


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:,.4g}" if abs(value) < 1e6 else f"{value:,.0f}"
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    text = str(value)
    return text if len(text) <= MAX_CELL else text[: MAX_CELL - 1] + "…"
