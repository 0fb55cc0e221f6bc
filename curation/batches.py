"""Records of a file, as many at a time as are translated together: neither many records, nor much text, at once."""

# pyarrow.compute makes its functions when it is imported.
# pyright: reportAttributeAccessIssue=false

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from curation.readers import Numbered, has_columns, read_columns, read_records
from curation.records import BadRow, Columns, Record

BATCH_RECORDS = 12_000
BATCH_BYTES = 8_000_000
"""Most records, and most of their text, that are translated at once."""


@dataclass(frozen=True, slots=True)
class Records:
    """Records in the order of their file, what they are numbered there, and how many bytes of text they have."""

    numbers: Sequence[int]
    records: Sequence[Record | BadRow]
    size: int

    def __len__(self) -> int:
        return len(self.numbers)


def batches(path: Path) -> Iterator[Records]:
    """All records of a file. However a file keeps them, its batches end at the same records."""
    return _of_columns(read_columns(path)) if has_columns(path) else _of_records(read_records(path))


def _of_records(numbered: Numbered) -> Iterator[Records]:
    numbers: list[int] = []
    records: list[Record | BadRow] = []
    size = 0
    for number, record in numbered:
        numbers.append(number)
        records.append(record)
        size += 0 if isinstance(record, BadRow) else _bytes(record)
        if len(records) >= BATCH_RECORDS or size >= BATCH_BYTES:
            yield Records(numbers, records, size)
            numbers, records, size = [], [], 0
    if records:
        yield Records(numbers, records, size)


def _of_columns(parts: Iterator[Columns]) -> Iterator[Records]:
    held: list[Columns] = []
    first, count, size = 1, 0, 0
    for part in parts:
        start = 0
        while start < len(part):
            fitting = part[start : start + BATCH_RECORDS - count]
            more = sum(map(_bytes, fitting.cells.values()))
            if size + more >= BATCH_BYTES:
                fitting, more = _until(fitting, BATCH_BYTES - size)
            held.append(fitting)
            count, size, start = count + len(fitting), size + more, start + len(fitting)
            if count >= BATCH_RECORDS or size >= BATCH_BYTES:
                yield Records(range(first, first + count), Columns.joined(held), size)
                first, held, count, size = first + count, [], 0, 0
    if held:
        yield Records(range(first, first + count), Columns.joined(held), size)


def _until(part: Columns, size: int) -> tuple[Columns, int]:
    """The first records that have so much text together, and how much that is."""
    length, count = next(
        (total, count) for count, total in enumerate(accumulate(map(_bytes, part)), 1) if total >= size
    )
    return part[:count], length


def _bytes(value: object) -> int:
    """Length of all texts in a JSON value."""
    if isinstance(value, pa.Array):
        return pc.sum(pc.binary_length(value)).as_py() or 0
    if isinstance(value, str):
        return len(value) if value.isascii() else len(value.encode("utf-8", "surrogatepass"))
    if isinstance(value, dict):
        return sum(map(_bytes, value.values()))
    return sum(map(_bytes, value)) if isinstance(value, list) else 0
