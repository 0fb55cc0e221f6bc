"""64-bit hashes of what came before, 8 bytes each: millions of names in little memory."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

LONGEST = 2_000_000
"""Hashes of a run that grows no more: to merge two runs takes as much memory again."""

APART = 16
"""A run is merged into the one before it once that is no more than so many times as long."""


class Hashes:
    """A set of hashes, as a few sorted runs."""

    def __init__(self, *, longest: int = LONGEST) -> None:
        self._longest = longest
        self._runs: list[NDArray[np.int64]] = []

    def __len__(self) -> int:
        return sum(map(len, self._runs))

    def __contains__(self, one: int) -> bool:
        places = ((run, int(run.searchsorted(one))) for run in self._runs)
        return any(place < len(run) and int(run[place]) == one for run, place in places)

    def add(self, new: NDArray[np.int64]) -> None:
        """Take in hashes; those that are there already are kept twice."""
        if not len(new):
            return
        runs = self._runs
        runs.append(np.sort(new))
        while len(runs) > 1 and len(runs[-2]) < self._longest and len(runs[-2]) <= APART * len(runs[-1]):
            both = np.concatenate(runs[-2:])
            both.sort(kind="stable")  # two sorted runs, which this merges
            runs[-2:] = [both]

    def among(self, wanted: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Which of these are in the set."""
        order = wanted.argsort()
        wanted = wanted[order]  # neighbours are then found near each other, in memory that is at hand
        found = np.zeros(len(wanted), np.bool_)
        for run in self._runs:
            found |= run[run.searchsorted(wanted).clip(max=len(run) - 1)] == wanted
        there = np.empty_like(found)
        there[order] = found
        return there


def row_hashes(*columns: pa.ChunkedArray) -> NDArray[np.int64]:
    """A hash of each row of some columns, the same as long as the process lives."""
    import polars as pl

    return pl.DataFrame([pl.from_arrow(column) for column in columns]).hash_rows().to_numpy().view(np.int64)
