"""One raw record, and how an importer reads its fields. A field of another kind is a BadRow, never a guess."""

# pyarrow.compute makes its functions when it is imported.
# pyright: reportAttributeAccessIssue=false

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from itertools import chain, compress
from math import isfinite
from types import NoneType
from typing import Any, overload

import pyarrow as pa
import pyarrow.compute as pc

from schemas.ids import content_id
from schemas.prompts import Message, user

Record = Mapping[str, Any]


class Named(dict[str, Any]):
    """A record whose id many rows ask for: it is made once."""

    @cached_property
    def content_id(self) -> str:
        """The id of all that is in the record."""
        return content_id(self)


Cells = pa.StringArray | list[Any]
"""A column of records: texts and nulls as Arrow has them, or JSON values."""


def cells_of(values: list[Any]) -> Cells:
    """A column of these values."""
    return pa.array(values, pa.string()) if set(map(type, values)) <= {str, NoneType} else values


class Columns(Sequence[Record]):
    """Records with the same fields, kept as columns of one length; a record is made when it is asked for."""

    def __init__(self, cells: Mapping[str, Cells]) -> None:
        self.cells = cells

    @cached_property
    def _values(self) -> dict[str, list[Any]]:
        return {name: cells if isinstance(cells, list) else cells.to_pylist() for name, cells in self.cells.items()}

    def __len__(self) -> int:
        return len(next(iter(self.cells.values()), ()))

    @overload
    def __getitem__(self, place: int) -> Record: ...

    @overload
    def __getitem__(self, place: slice) -> Columns: ...

    def __getitem__(self, place: int | slice) -> Record | Columns:
        if isinstance(place, slice):
            return Columns({name: cells[place] for name, cells in self.cells.items()})
        return {name: values[place] for name, values in self._values.items()}

    @classmethod
    def joined(cls, parts: Sequence[Columns]) -> Columns:
        """The records of all parts, which have the same fields."""
        return cls({name: _joined([part.cells[name] for part in parts]) for name in parts[0].cells})

    def where(self, wanted: pa.BooleanArray) -> Columns:
        """The records for which this is true, without those for which it is null."""
        return Columns({name: _where(cells, wanted) for name, cells in self.cells.items()})


def _joined(parts: Sequence[Cells]) -> Cells:
    if all(isinstance(cells, pa.Array) for cells in parts):
        return pa.concat_arrays(parts)
    return [*chain.from_iterable(parts)]


def _where(cells: Cells, wanted: pa.BooleanArray) -> Cells:
    return cells_of([*compress(cells, wanted.to_pylist())]) if isinstance(cells, list) else cells.filter(wanted)


def are_blank(texts: pa.Array | pa.ChunkedArray) -> pa.Array | pa.ChunkedArray:
    """Which of these hold white space alone, as `str.strip` has it; null where there is no text."""
    written = pc.match_substring_regex(texts, "[!-~]")
    if pc.all(written).as_py():
        return pc.invert(written)
    return pa.array([None if text is None else not text.strip() for text in texts.to_pylist()], pa.bool_())


class BadRow(Exception):
    """One record that cannot be translated; it becomes a drop with this reason."""

    def __init__(self, reason: str, detail: str | None = None) -> None:
        self.reason, self.detail = reason, detail
        super().__init__(f"{reason}: {detail}" if detail else reason)


def field_of(record: Record, name: str) -> Any:
    """A required field of a record."""
    if name not in record:
        raise BadRow("missing_column", name)
    return record[name]


def text_of(record: Record, name: str) -> str:
    """A required text field of a record."""
    value = field_of(record, name)
    if not isinstance(value, str):
        raise BadRow("wrong_type", f"{name} is {type(value).__name__}, want text")
    return value


def number_of(record: Record, name: str) -> float | None:
    """A number, also one written as text (a CSV has no other kind); None where the field is absent or empty."""
    value = record.get(name)
    if value is None or value == "":
        return None
    try:
        number = float(value) if isinstance(value, (int, float, str)) and not isinstance(value, bool) else None
    except ValueError:
        number = None
    if number is None or not isfinite(number):
        raise BadRow("wrong_type", f"{name} is {value!r}, want a number")
    return number


def list_of(record: Record, name: str) -> list[Any]:
    """A required list of a record."""
    value = field_of(record, name)
    if not isinstance(value, list):
        raise BadRow("wrong_type", f"{name} is {type(value).__name__}, want a list")
    return value


def objects_of(record: Record, name: str) -> list[Record]:
    """A required list of objects."""
    found = list_of(record, name)
    if odd := [type(one).__name__ for one in found if not isinstance(one, dict)]:
        raise BadRow("wrong_type", f"{name} holds {odd[0]}, want objects")
    return found


def optional_list_of(record: Record, name: str) -> list[Any]:
    """A list of a record; empty where the field is absent or empty."""
    return [] if record.get(name) in (None, "") else list_of(record, name)


def texts_of(record: Record, name: str) -> tuple[str, ...] | None:
    """A list of texts; None where the field is absent or empty."""
    found = optional_list_of(record, name)
    if not all(isinstance(one, str) for one in found):
        raise BadRow("wrong_type", f"{name} holds something else, want texts")
    return tuple(found) or None


def optional_text_of(record: Record, name: str) -> str | None:
    """A text field; None where it is absent or empty."""
    return None if record.get(name) is None else text_of(record, name) or None


def messages_of(record: Record, name: str) -> tuple[Message, ...]:
    """A required list of chat messages; other keys of a message are not read."""
    turns: list[Message] = []
    for turn in list_of(record, name):
        if not isinstance(turn, dict) or {"role", "content"} - turn.keys():
            raise BadRow("wrong_type", f"each message of {name} needs a role and a content")
        turns.append(Message(role=text_of(turn, "role"), content=text_of(turn, "content")))
    return tuple(turns)


def turns_of(record: Record, name: str) -> tuple[Message, ...]:
    """A required conversation: a text is one user turn."""
    value = field_of(record, name)
    return user(value) if isinstance(value, str) else messages_of(record, name)
