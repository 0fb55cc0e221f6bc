"""Names that came before in an import, one by one or many at a time."""

# pyarrow.compute makes its functions when it is imported.
# pyright: reportAttributeAccessIssue=false

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from schemas.ids import ID_BYTES
from warehouse.hashes import Hashes

FEW = 2_000
"""Names that came one by one and are still Python objects."""


class Seen:
    """A set of hashes that takes in no more than `most`; what finds no room is counted."""

    def __init__(self, most: int, *, few: int = FEW) -> None:
        self._most, self._most_few = most, few
        self._few: set[int] = set()
        self._many = Hashes()
        self.left_out = 0

    def __len__(self) -> int:
        return len(self._many) + len(self._few)

    def __contains__(self, name: int) -> bool:
        return name in self._few or name in self._many

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
        self._many.add(names[:room])

    def none_of(self, names: NDArray[np.int64]) -> bool:
        """Whether none of these came before, and none comes twice."""
        self._settle()
        names = np.sort(names)
        return not (names[1:] == names[:-1]).any() and not self._many.among(names).any()

    def _settle(self) -> None:
        few, self._few = self._few, set()
        self._many.add(np.fromiter(few, np.int64, len(few)))


def id_hashes(ids: pa.ChunkedArray) -> NDArray[np.int64]:
    """Content ids as hashes: the first 8 bytes of each."""
    whole = pc.binary_join(pa.ListArray.from_arrays([0, len(ids)], ids.combine_chunks()), "")[0].as_py()
    return np.frombuffer(bytes.fromhex(whole), np.int64)[:: ID_BYTES // 8]
