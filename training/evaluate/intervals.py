"""Percentile bootstrap over prompts: rows of one prompt are not independent, so prompts are drawn, not rows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
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
    return interval_of_means(cells[:, None], groups, lambda means: means[..., 0], seed)


def interval_of_means(
    values: NDArray[np.float64],
    groups: Sequence[str] | NDArray[np.str_],
    figure: Callable[[NDArray[np.float64]], NDArray[np.float64]],
    seed: int = 0,
) -> Interval:
    """`figure`, [..., K] to [...], of the K column means of `values` [N, K], with its interval."""
    if not len(values):
        return Interval(float("nan"), float("nan"), float("nan"), 0)
    member: NDArray[np.intp] = np.unique(np.asarray(groups, dtype=np.str_), return_inverse=True)[1]
    sums = np.stack([np.bincount(member, weights=column) for column in values.T], axis=1).astype(np.float64)
    counts = np.bincount(member).astype(np.float64)
    drawn = figure(_resampled_means(sums, counts, seed))
    known = drawn[~np.isnan(drawn)]
    low, high = np.quantile(known, [(1 - LEVEL) / 2, (1 + LEVEL) / 2]) if len(known) else (np.nan, np.nan)
    return Interval(float(figure(values.mean(0))), float(low), float(high), len(values))


def correlation_interval(
    first: ArrayLike, second: ArrayLike, groups: Sequence[str] | NDArray[np.str_], seed: int = 0
) -> Interval:
    """Pearson's correlation of two columns [N]; NaN where one is constant."""
    x, y = (_standardised(np.asarray(column, dtype=np.float64)) for column in (first, second))
    return interval_of_means(np.stack([x, y, x * x, y * y, x * y], axis=1), groups, _pearson, seed)


def ranks(values: ArrayLike) -> NDArray[np.float64]:
    """[N] ranks from 0; equal values share the mean of theirs."""
    _, place, count = np.unique(np.asarray(values, dtype=np.float64), return_inverse=True, return_counts=True)
    return (np.cumsum(count) - (count + 1) / 2)[place]


def difference_interval(
    first: ArrayLike, second: ArrayLike, groups: Sequence[str] | NDArray[np.str_], seed: int = 0
) -> Interval:
    """Mean of first - second, paired by row: far narrower than two separate intervals."""
    return mean_interval(np.asarray(first, dtype=np.float64) - np.asarray(second, dtype=np.float64), groups, seed)


def _resampled_means(sums: NDArray[np.float64], counts: NDArray[np.float64], seed: int) -> NDArray[np.float64]:
    """[DRAWS, K] means of as many prompts as there are, drawn with replacement."""
    chance = np.random.default_rng(seed)
    size = len(sums)
    rounds = max(1, CHUNK // sums.size)
    means: list[NDArray[np.float64]] = []
    for begin in range(0, DRAWS, rounds):
        drawn = chance.integers(0, size, (min(rounds, DRAWS - begin), size))
        means.append(sums[drawn].sum(1) / counts[drawn].sum(1)[:, None])
    return np.concatenate(means)


def _standardised(column: NDArray[np.float64]) -> NDArray[np.float64]:
    """Centred, so that sums of squares lose no digits; of spread 1 unless it is constant."""
    return (column - column.mean()) / (column.std() if np.ptp(column) else 1.0) if len(column) else column


def _pearson(means: NDArray[np.float64]) -> NDArray[np.float64]:
    """Correlations from the means of x, y, x^2, y^2 and xy."""
    x, y, xx, yy, xy = np.moveaxis(means, -1, 0)
    spread = np.sqrt(np.maximum(xx - x * x, 0) * np.maximum(yy - y * y, 0))
    return np.divide(xy - x * y, spread, out=np.full_like(spread, np.nan), where=spread > 1e-12)
