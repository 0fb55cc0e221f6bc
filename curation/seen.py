"""Names that came before, as 64-bit hashes of 8 bytes each: millions of them in little memory."""

# pyarrow.compute makes its functions when it is imported.
# pyright: reportAttributeAccessIssue=false

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from schemas.ids import ID_BYTES

FEW = 2_000
"""Names that came one by one and are still Python objects."""

LATE = 50_000
"""Names that are kept apart before they are sorted in among all."""


class Seen:
    """A set of hashes that takes in no more than `most`; what finds no room is counted."""

    def __init__(self, most: int, *, few: int = FEW, late: int = LATE) -> None:
        self._most, self._most_few, self._most_late = most, few, late
        self._few: set[int] = set()
        self._late = self._sorted = np.empty(0, np.int64)
        self.left_out = 0

    def __len__(self) -> int:
        return len(self._sorted) + len(self._late) + len(self._few)

    def __contains__(self, name: int) -> bool:
        return name in self._few or any(_is_among(sorted_, name) for sorted_ in (self._late, self._sorted))

    def add(self, name: int) -> None:
        """Take in a name that is new, if there is room."""
        if len(self) >= self._most:
            self.left_out += 1
            return
        self._few.add(name)
        if len(self._few) >= self._most_few:
            self._settle()

    def update(self, names: NDArray[np.int64]) -> None:
        """Take in names that are all new and different, the first of them where there is not room for all."""
        room = self._most - len(self)
        self.left_out += max(0, len(names) - room)
        self._late = np.sort(np.concatenate([self._late, names[:room]]))
        if len(self._late) >= self._most_late:
            both = np.concatenate([self._sorted, self._late])
            self._sorted = np.sort(both, kind="stable")  # two sorted runs, which this merges
            self._late = self._late[:0]

    def none_of(self, names: NDArray[np.int64]) -> bool:
        """Whether none of these came before, and none comes twice."""
        self._settle()
        names = np.sort(names)  # neighbours are then found near each other, in memory that is at hand
        if (names[1:] == names[:-1]).any():
            return False
        return not any(_are_among(sorted_, names).any() for sorted_ in (self._late, self._sorted))

    def _settle(self) -> None:
        few, self._few = self._few, set()
        if few:
            self.update(np.fromiter(few, np.int64, len(few)))


def id_hashes(ids: pa.ChunkedArray) -> NDArray[np.int64]:
    """Content ids as hashes: the first 8 bytes of each."""
    whole = pc.binary_join(pa.ListArray.from_arrays([0, len(ids)], ids.combine_chunks()), "")[0].as_py()
    return np.frombuffer(bytes.fromhex(whole), np.int64)[:: ID_BYTES // 8]


def row_hashes(*columns: pa.ChunkedArray) -> NDArray[np.int64]:
    """A hash of each row of some columns."""
    import polars as pl

    return pl.DataFrame([pl.from_arrow(column) for column in columns]).hash_rows().to_numpy().view(np.int64)


def _is_among(sorted_: NDArray[np.int64], name: int) -> bool:
    place = int(sorted_.searchsorted(name))
    return place < len(sorted_) and int(sorted_[place]) == name


def _are_among(sorted_: NDArray[np.int64], names: NDArray[np.int64]) -> NDArray[np.bool_]:
    if not len(sorted_):
        return np.zeros(len(names), np.bool_)
    return sorted_[sorted_.searchsorted(names).clip(max=len(sorted_) - 1)] == names
