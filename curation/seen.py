"""Names that came before, as 64-bit hashes of 8 bytes each: millions of them in little memory."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

LATE = 50_000
"""Names that are held as Python objects before they are sorted in."""


class Seen:
    """A set of hashes that takes in no more than `most`; what finds no room is counted."""

    def __init__(self, most: int, *, late: int = LATE) -> None:
        self._most = most
        self._most_late = late
        self._sorted = np.empty(0, np.int64)
        self._late: set[int] = set()
        self.left_out = 0

    def __len__(self) -> int:
        return len(self._sorted) + len(self._late)

    def __contains__(self, name: int) -> bool:
        if name in self._late:
            return True
        place = int(self._sorted.searchsorted(name))
        return place < len(self._sorted) and int(self._sorted[place]) == name

    def add(self, name: int) -> None:
        """Take in a name that is new, if there is room."""
        self.update([name])

    def update(self, names: Sequence[int]) -> None:
        """Take in names that are all new and different, the first of them where there is not room for all."""
        room = self._most - len(self)
        self._late.update(names[:room])
        self.left_out += max(0, len(names) - room)
        if len(self._late) >= self._most_late:
            late = np.fromiter(self._late, np.int64, len(self._late))
            self._sorted = np.concatenate([self._sorted, late])
            self._sorted.sort(kind="stable")  # nearly sorted already
            self._late.clear()

    def none_of(self, names: Sequence[int]) -> bool:
        """Whether none of these came before, and none comes twice."""
        if len(set(names)) < len(names) or not self._late.isdisjoint(names):
            return False
        return not self._hits(np.fromiter(names, np.int64, len(names))).any()

    def _hits(self, names: NDArray[np.int64]) -> NDArray[np.bool_]:
        if not len(self._sorted):
            return np.zeros(len(names), np.bool_)
        places = self._sorted.searchsorted(names).clip(max=len(self._sorted) - 1)
        return self._sorted[places] == names
