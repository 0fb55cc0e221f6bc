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
BATCH_CHARS = 8_000_000
"""Most records, and most of their text, that are translated at once."""


@dataclass(frozen=True, slots=True)
class Records:
    """Records in the order of their file, what they are numbered there, and the length of their text."""

    numbers: Sequence[int]
    records: Sequence[Record | BadRow]
    chars: int

    def __len__(self) -> int:
        return len(self.numbers)


def batches(path: Path) -> Iterator[Records]:
    """All records of a file. However a file keeps them, its batches end at the same records."""
    return _of_columns(read_columns(path)) if has_columns(path) else _of_records(read_records(path))


def _of_records(numbered: Numbered) -> Iterator[Records]:
    numbers: list[int] = []
    records: list[Record | BadRow] = []
    chars = 0
    for number, record in numbered:
        numbers.append(number)
        records.append(record)
        chars += 0 if isinstance(record, BadRow) else _chars(record)
        if len(records) >= BATCH_RECORDS or chars >= BATCH_CHARS:
            yield Records(numbers, records, chars)
            numbers, records, chars = [], [], 0
    if records:
        yield Records(numbers, records, chars)


def _of_columns(parts: Iterator[Columns]) -> Iterator[Records]:
    held: list[Columns] = []
    first, count, chars = 1, 0, 0
    for part in parts:
        start = 0
        while start < len(part):
            fitting = part[start : start + BATCH_RECORDS - count]
            more = sum(map(_chars, fitting.cells.values()))
            if chars + more >= BATCH_CHARS:
                fitting, more = _until(fitting, BATCH_CHARS - chars)
            held.append(fitting)
            count, chars, start = count + len(fitting), chars + more, start + len(fitting)
            if count >= BATCH_RECORDS or chars >= BATCH_CHARS:
                yield Records(range(first, first + count), Columns.joined(held), chars)
                first, held, count, chars = first + count, [], 0, 0
    if held:
        yield Records(range(first, first + count), Columns.joined(held), chars)


def _until(part: Columns, chars: int) -> tuple[Columns, int]:
    """The first records that have so much text together, and how much that is."""
    length, count = next(
        (total, count) for count, total in enumerate(accumulate(map(_chars, part)), 1) if total >= chars
    )
    return part[:count], length


def _chars(value: object) -> int:
    """Length of all texts in a JSON value."""
    if isinstance(value, pa.Array):
        return pc.sum(pc.utf8_length(value)).as_py() or 0
    if isinstance(value, str):
        return len(value)
    if isinstance(value, dict):
        return sum(map(_chars, value.values()))
    if not isinstance(value, list):
        return 0
    return sum(map(len, value)) if set(map(type, value)) == {str} else sum(map(_chars, value))
