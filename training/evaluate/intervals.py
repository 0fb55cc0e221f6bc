"""Percentile bootstrap over prompts: rows of one prompt are not independent, so prompts are drawn, not rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

DRAWS = 2000
LEVEL = 0.95
CHUNK = 2**22
"""Cells of the table of draws held at once (32 MiB)."""


@dataclass(frozen=True, slots=True)
class Interval:
    """A mean with its 95 % interval. `n` counts rows."""

    value: float
    low: float
    high: float
    n: int


def mean_interval(values: ArrayLike, groups: Sequence[str] | NDArray[np.str_], seed: int = 0) -> Interval:
    """Mean of `values` [N] with its interval; `groups` [N] names the prompt of each row."""
    cells = np.asarray(values, dtype=np.float64)
    if not len(cells):
        return Interval(float("nan"), float("nan"), float("nan"), 0)
    member: NDArray[np.intp] = np.unique(np.asarray(groups, dtype=np.str_), return_inverse=True)[1]
    sums = np.bincount(member, weights=cells).astype(np.float64)
    counts = np.bincount(member).astype(np.float64)
    low, high = np.quantile(_resampled_means(sums, counts, seed), [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Interval(float(cells.mean()), float(low), float(high), len(cells))


def difference_interval(
    first: ArrayLike, second: ArrayLike, groups: Sequence[str] | NDArray[np.str_], seed: int = 0
) -> Interval:
    """Mean of first - second, paired by row: far narrower than two separate intervals."""
    return mean_interval(np.asarray(first, dtype=np.float64) - np.asarray(second, dtype=np.float64), groups, seed)


def _resampled_means(sums: NDArray[np.float64], counts: NDArray[np.float64], seed: int) -> NDArray[np.float64]:
    """[DRAWS] means of as many prompts as there are, drawn with replacement."""
    chance = np.random.default_rng(seed)
    size = len(sums)
    rounds = max(1, CHUNK // size)
    means: list[NDArray[np.float64]] = []
    for begin in range(0, DRAWS, rounds):
        drawn = chance.integers(0, size, (min(rounds, DRAWS - begin), size))
        means.append(sums[drawn].sum(1) / counts[drawn].sum(1))
    return np.concatenate(means)
