"""The cluster bootstrap: prompts are drawn, not rows, because rows of one prompt are not independent.

Every statistic here is a function of sums over prompts. A resample is then a weighted sum, and a thousand of them are
one product of two matrices, however many rows there are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from curation.agreement import Estimate

DRAWS = 1000
LEVEL = 0.95
CHUNK = 2**22
"""Cells of the matrix of draws held at once (32 MiB)."""
MOST_UNDEFINED = 0.05
"""Share of resamples on which a statistic may be undefined; beyond it there is no interval."""

Statistic = Callable[[NDArray[np.float64]], NDArray[np.float64]]
"""Totals [R, K] of R resamples to R values; NaN where the statistic is not defined."""


def estimate(value: float, sums: NDArray[np.float64], statistic: Statistic, *, n: int, seed: int = 0) -> Estimate:
    """A value with its percentile interval; `sums` [P, K] are what each of P prompts adds to the totals."""
    n_prompts = len(sums)
    if n_prompts < 2:
        return Estimate(value=value, n=n, n_prompts=n_prompts, reason="one prompt has no interval")
    with np.errstate(divide="ignore", invalid="ignore"):
        values = np.concatenate([statistic(drawn @ sums) for drawn in draws(n_prompts, seed)])
    return with_interval(value, values, n=n, n_prompts=n_prompts)


def with_interval(value: float, values: NDArray[np.float64], *, n: int, n_prompts: int) -> Estimate:
    """A value with the interval that holds 95 % of the `values` on resamples."""
    defined = values[np.isfinite(values)]
    if len(defined) < len(values) * (1 - MOST_UNDEFINED):
        share = 1 - len(defined) / len(values)
        why = f"undefined on {share:.0%} of the resamples, so it has no interval"
        return Estimate(value=value, n=n, n_prompts=n_prompts, reason=why)
    low, high = np.quantile(defined, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Estimate(value=value, low=float(low), high=float(high), n=n, n_prompts=n_prompts)


def draws(n_prompts: int, seed: int) -> Iterator[NDArray[np.float64]]:
    """How often each prompt is drawn [R, P], for DRAWS resamples of as many prompts as there are, R at a time."""
    chance = np.random.default_rng(seed)
    rounds = max(1, CHUNK // n_prompts)
    for begin in range(0, DRAWS, rounds):
        size = min(rounds, DRAWS - begin)
        drawn = chance.integers(0, n_prompts, (size, n_prompts)) + n_prompts * np.arange(size)[:, None]
        yield np.bincount(drawn.reshape(-1), minlength=size * n_prompts).reshape(size, n_prompts).astype(np.float64)


def sums_by_prompt(cells: NDArray[np.float64], prompts: NDArray[np.intp], n_prompts: int) -> NDArray[np.float64]:
    """Rows [N, K] added up over the prompts that they belong to: [P, K]."""
    sums = np.zeros((n_prompts, *cells.shape[1:]))
    np.add.at(sums, prompts, cells)
    return sums
