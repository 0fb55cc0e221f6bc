"""Files of records, a few at a time whatever their size. Every importer reads through here."""

from __future__ import annotations

import csv
import gzip
import json
import zlib
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from itertools import chain
from pathlib import Path
from typing import Any, BinaryIO, cast

import pyarrow as pa

from curation.records import BadRow, Cells, Columns, Record
from schemas.errors import InputError

SUFFIXES = (".jsonl", ".ndjson", ".json", ".csv", ".parquet", ".arrow")
"""Endings that every importer reads; `.gz` may follow the first four."""

BATCH_ROWS = 2_000
"""Rows of a column file that are read at once."""

MAX_BYTES = 64_000_000
"""Longest line or cell. Whatever is longer is a broken file, and would not fit in memory."""

BOM = b"\xef\xbb\xbf"

Numbered = Iterator[tuple[int, Record | BadRow]]
"""Records with their line, sheet row or place in the file, from 1."""


def suffix_of(path: Path) -> str:
    """The ending that names the format: `.jsonl` of `a.jsonl.gz`."""
    return Path(path.name.removesuffix(".gz")).suffix


def read_records(path: Path) -> Numbered:
    """(number, record) of a file; a record that cannot be read is a BadRow.

    Raises InputError when the file is damaged, or of another kind than its name says.
    """
    with _damage_told(path):
        yield from _read(path)


def has_columns(path: Path) -> bool:
    """Whether a file keeps its records as columns."""
    return suffix_of(path) in COLUMN_FILES


def read_columns(path: Path) -> Iterator[Columns]:
    """The records of a file that `has_columns`, up to BATCH_ROWS at a time. Raises as `read_records` does."""
    with _damage_told(path):
        yield from COLUMN_FILES[suffix_of(path)](path)


@contextmanager
def _damage_told(path: Path) -> Iterator[None]:
    try:
        yield
    except (EOFError, OSError, zlib.error, pa.ArrowException, csv.Error, UnicodeDecodeError) as error:
        what = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise InputError(f"{path} is damaged or no {suffix_of(path)} file ({what}); fetch it again.") from error


def _read(path: Path) -> Numbered:
    match suffix_of(path):
        case ".jsonl" | ".ndjson":
            return _json_lines(path)
        case ".json":
            return _json(path)
        case ".csv":
            return _csv(path)
        case ".parquet" | ".arrow" as columns:
            return enumerate(chain.from_iterable(COLUMN_FILES[columns](path)), 1)
        case ".xlsx":
            return _sheet(path)
        case other:
            raise InputError(f"{path}: files ending in {other!r} are not read; convert it to {', '.join(SUFFIXES)}.")


def _open(path: Path) -> BinaryIO:
    return cast(BinaryIO, gzip.open(path)) if path.suffix == ".gz" else path.open("rb")


def _json_lines(path: Path) -> Numbered:
    with _open(path) as lines:
        number = 0
        while line := lines.readline(MAX_BYTES):
            number += 1
            if len(line) == MAX_BYTES:
                raise InputError(f"{path}: line {number} is longer than {MAX_BYTES:,} bytes; write one record a line.")
            line = line.removeprefix(BOM) if number == 1 else line
            if line.strip():
                yield number, _object(line)


def _object(line: bytes) -> Record | BadRow:
    try:
        record = json.loads(line)
        if b"\\u" in line:  # half a surrogate pair can be written, but is no text
            json.dumps(record, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        return BadRow("lone_surrogate", str(error))
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        return BadRow("malformed_json", str(error))
    except RecursionError:
        return BadRow("malformed_json", "nested too deeply")
    return _record(record)


def _record(value: object) -> Record | BadRow:
    return value if isinstance(value, dict) else BadRow("not_an_object", type(value).__name__)


def _json(path: Path) -> Numbered:
    """An array of records, or JSON lines under the name of one; an array is never held whole."""
    import ijson

    with _open(path) as file:
        skipped = len(BOM) if file.read(len(BOM)) == BOM else 0
        file.seek(skipped)
        start = file.read(4096).lstrip()
        if not start.startswith(b"["):
            yield from _json_lines(path)
            return
        file.seek(skipped)
        try:
            for number, value in enumerate(ijson.items(file, "item", use_float=True), 1):
                yield number, _record(value)
        except (ijson.JSONError, UnicodeError) as error:
            raise InputError(f"{path} is no JSON array of records: {str(error).splitlines()[0]}") from error


def _csv(path: Path) -> Numbered:
    """Records of text; the first row names the columns."""
    import io

    csv.field_size_limit(MAX_BYTES)
    with _open(path) as file, io.TextIOWrapper(file, encoding="utf-8-sig", newline="") as text:
        rows = csv.reader(text, strict=True)
        header = next(rows, [])
        for number, cells in enumerate(rows, 1):
            if len(cells) == len(header):
                yield number, dict(zip(header, cells, strict=True))
            elif cells:
                yield number, BadRow("wrong_number_of_cells", f"{len(cells)}, want {len(header)}")


def _parquet(path: Path) -> Iterator[Columns]:
    import pyarrow.parquet as pq

    with pq.ParquetFile(path, buffer_size=1 << 20, pre_buffer=False) as file:
        yield from _columns(file.iter_batches(BATCH_ROWS))


def _arrow(path: Path) -> Iterator[Columns]:
    """An Arrow stream, as `datasets` saves one, or an Arrow file; neither says which in its name."""
    with pa.memory_map(str(path)) as source:
        try:
            yield from _columns(pa.ipc.open_stream(source))
        except pa.ArrowInvalid:
            source.seek(0)
            file = pa.ipc.open_file(source)
            yield from _columns(file.get_batch(place) for place in range(file.num_record_batches))


COLUMN_FILES = {".parquet": _parquet, ".arrow": _arrow}


def _columns(batches: Iterable[pa.RecordBatch]) -> Iterator[Columns]:
    for batch in batches:
        for start in range(0, batch.num_rows, BATCH_ROWS):
            part = batch.slice(start, BATCH_ROWS)
            yield Columns(dict(zip(part.schema.names, map(_cells, part.columns), strict=True)))


def _cells(column: pa.Array) -> Cells:
    """A column as texts, or as JSON values. Raises ArrowInvalid where a text is no UTF-8."""
    if _is_text(column.type):
        column.validate(full=True)
        return column.cast(pa.string())
    values = column.to_pylist()
    return values if _speaks_json(column.type) else list(map(_plain, values))


def _is_text(kind: pa.DataType) -> bool:
    if pa.types.is_dictionary(kind):
        return _is_text(kind.value_type)
    return pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)


def _speaks_json(kind: pa.DataType) -> bool:
    """Whether Python reads values of this type as JSON values."""
    if pa.types.is_struct(kind):
        return all(_speaks_json(kind.field(place).type) for place in range(kind.num_fields))
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        return _speaks_json(kind.value_type)
    plain = (pa.types.is_string, pa.types.is_large_string, pa.types.is_integer, pa.types.is_floating)
    return any(speaks(kind) for speaks in (*plain, pa.types.is_boolean, pa.types.is_null))


def _plain(value: Any) -> Any:
    """A JSON value: dates and decimals become text, and so do bytes, which some writers make of text."""
    if isinstance(value, dict):
        return {str(name): _plain(part) for name, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(part) for part in value]
    if isinstance(value, bytes):
        return value.decode(errors="backslashreplace")
    return value if value is None or isinstance(value, (str, int, float, bool)) else str(value)


def _sheet(path: Path) -> Numbered:
    """Rows of a workbook's first sheet; the first one names the columns, empty ones are BadRow."""
    from zipfile import BadZipFile

    from openpyxl import load_workbook

    try:
        book = load_workbook(path, read_only=True)
    except BadZipFile as error:
        raise InputError(f"{path} is no .xlsx workbook; save it as one again.") from error
    with closing(book):
        rows = book.worksheets[0].iter_rows(values_only=True)
        header = [str(name) for name in next(rows, ())]
        for number, cells in enumerate(rows, 2):
            if all(cell is None for cell in cells):
                yield number, BadRow("blank_row")
            else:
                yield number, {name: _plain(cell) for name, cell in zip(header, cells, strict=False)}
