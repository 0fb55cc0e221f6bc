"""Print rows: as a table for people, as CSV, JSON or Parquet for programs."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from decimal import Decimal
from io import StringIO
from typing import IO

import orjson
import pyarrow as pa

from schemas.errors import ConfigError

FORMATS = ("table", "csv", "json", "parquet")
JSON = orjson.OPT_PASSTHROUGH_DATETIME | orjson.OPT_NON_STR_KEYS
FOLDED_ROWS = 1000
"""Rows up to which long cells are folded to the width: finding the widths takes a millisecond a row."""
PLAN = ["explain_key", "explain_value"]
"""Columns of a plan, whose text is drawn already."""
MAX_CELL = 120
"""Longest cell of a printed table, in characters."""


def check_format(output: str) -> None:
    """Raises ConfigError when `output` is none of FORMATS."""
    if output not in FORMATS:
        raise ConfigError(f"--format {output}: write one of {', '.join(FORMATS)}.")


def show(rows: pa.Table, output: str) -> None:
    """Write rows to standard output in one of FORMATS."""
    check_format(output)
    if output == "table":
        sys.stdout.write(table_text(rows, folded=sys.stdout.isatty()))
    else:
        sys.stdout.flush()
        write(rows.schema, rows.to_batches(), output, sys.stdout.buffer)


def write(columns: pa.Schema, batches: Iterable[pa.RecordBatch], output: str, file: IO[bytes]) -> None:
    """Write rows a batch at a time as csv, json or parquet."""
    if output == "parquet":
        import pyarrow.parquet as pq

        with pq.ParquetWriter(file, columns) as writer:
            for batch in batches:
                writer.write_batch(batch)
    elif output == "csv":
        _write_csv(columns, batches, file)
    else:
        for text in _json(batches):
            file.write(text)
    file.flush()


def _write_csv(columns: pa.Schema, batches: Iterable[pa.RecordBatch], file: IO[bytes]) -> None:
    """Texts in quotes, so that an empty one is not null; cells of nested types are JSON."""
    # Arrow's writer, not Polars': that takes Ctrl-C for itself, and may lose it.
    from pyarrow.csv import CSVWriter

    odd = {field.name for field in columns if not _is_plain(field.type)}
    texts = pa.schema([field.with_type(pa.string()) if field.name in odd else field for field in columns])
    with CSVWriter(file, texts) as writer:
        for batch in batches:
            cells = [_texts(batch.column(name)) if name in odd else batch.column(name) for name in columns.names]
            writer.write_batch(pa.record_batch(cells, schema=texts))


def _is_plain(kind: pa.DataType) -> bool:
    """Whether Arrow writes a type as people expect it."""
    of = pa.types
    numbers = of.is_boolean, of.is_integer, of.is_floating, of.is_decimal
    times = of.is_date, of.is_time, of.is_timestamp
    return any(is_(kind) for is_ in (*numbers, *times, of.is_string, of.is_large_string))


def _texts(column: pa.Array) -> pa.Array:
    text = _json_text if pa.types.is_nested(column.type) else str
    cells = column.to_pylist(maps_as_pydicts="strict")
    return pa.array([None if cell is None else text(cell) for cell in cells], pa.string())


def _json_text(cell: object) -> str:
    return orjson.dumps(cell, default=_json_value, option=JSON).decode()


def _json_value(cell: object) -> object:
    """What JSON says of a value that it has no word for; a sum of integers is a decimal, and all its digits count."""
    return orjson.Fragment(f"{cell:f}") if isinstance(cell, Decimal) else str(cell)


def _json(batches: Iterable[pa.RecordBatch]) -> Iterator[bytes]:
    """One array, a row a line."""
    before = b"[\n"
    for batch in batches:
        for row in batch.to_pylist(maps_as_pydicts="strict"):
            yield before + orjson.dumps(row, default=_json_value, option=JSON)
            before = b",\n"
    yield b"[]\n" if before == b"[\n" else b"\n]\n"


def table_text(rows: pa.Table, *, folded: bool) -> str:
    """Rows as a table for people: a line a row, however long, or long cells folded to the terminal's width."""
    if rows.column_names == PLAN:
        return "\n".join(rows.column("explain_value").to_pylist()) + "\n"
    return _folded(rows) if folded and rows.num_rows <= FOLDED_ROWS else _lines(rows)


def _folded(rows: pa.Table) -> str:
    from rich import box
    from rich.console import Console
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD)
    for field in rows.schema:
        right = _is_number(field)
        table.add_column(field.name, justify="right" if right else "left", no_wrap=right, overflow="fold")
    for row in rows.to_pylist(maps_as_pydicts="strict"):
        table.add_row(*(_cell(value) for value in row.values()))
    text = StringIO()
    Console(width=Console().width, file=text).print(table, markup=False)
    return text.getvalue()


def _lines(rows: pa.Table) -> str:
    from rich.cells import cell_len

    columns: list[list[str]] = []
    for field, cells in zip(rows.schema, rows.columns, strict=True):
        texts = [" ".join(_cell(value).split("\n")) for value in cells.to_pylist(maps_as_pydicts="strict")]
        width = max(map(cell_len, [field.name, *texts]))
        gaps = [" " * (width - cell_len(text)) for text in (field.name, *texts)]
        padded = zip((field.name, *texts), gaps, strict=True)
        column = [gap + text if _is_number(field) else text + gap for text, gap in padded]
        columns.append([column[0], "─" * width, *column[1:]])
    return "\n".join("  " + "   ".join(line).rstrip() for line in zip(*columns, strict=True)) + "\n"


def _is_number(field: pa.Field) -> bool:
    return any(is_(field.type) for is_ in (pa.types.is_integer, pa.types.is_floating, pa.types.is_decimal))


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:,.4g}" if abs(value) < 1e3 else f"{value:,.0f}"
    if isinstance(value, int | Decimal) and not isinstance(value, bool):
        return f"{value:,}"
    text = str(value)
    return text if len(text) <= MAX_CELL else text[: MAX_CELL - 1] + "…"
