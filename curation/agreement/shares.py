"""Shares: of verdicts for the first answer, of comparisons on which two annotators agree."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from curation.agreement import Estimate, numbered
from curation.agreement.bootstrap import LEVEL, estimate, sums_by_prompt


def share(hits: ArrayLike, prompts: ArrayLike, *, of: ArrayLike = 1, seed: int = 0) -> Estimate:
    """Sum of `hits` [N] over sum of `of` [N], 0 to 1; `prompts` [N] names the prompt of each row."""
    cells = np.stack(np.broadcast_arrays(np.asarray(hits, np.float64), np.asarray(of, np.float64)), axis=1)
    member, n_prompts = numbered(prompts)
    hit, n = cells.sum(axis=0)
    if not n:
        return Estimate.undefined("nothing to count", n_prompts=n_prompts)
    if hit in (0, n):
        return _all_alike(hit / n, int(n), n_prompts)
    return estimate(float(hit / n), sums_by_prompt(cells, member, n_prompts), _ratio, n=int(n), seed=seed)


def percent_agreement(first: ArrayLike, second: ArrayLike, prompts: ArrayLike, *, seed: int = 0) -> Estimate:
    """Share of the rows on which two annotators say the same. All are [N]."""
    return share(np.asarray(first) == np.asarray(second), prompts, seed=seed)


def mean_difference(first: ArrayLike, second: ArrayLike, prompts: ArrayLike, *, seed: int = 0) -> Estimate:
    """Mean of first - second [N], paired by row: far narrower than the difference of two intervals."""
    apart = np.asarray(first, np.float64) - np.asarray(second, np.float64)
    member, n_prompts = numbered(prompts)
    if not len(apart):
        return Estimate.undefined("nothing to count")
    sums = sums_by_prompt(np.column_stack([apart, np.ones_like(apart)]), member, n_prompts)
    return estimate(float(apart.mean()), sums, _ratio, n=len(apart), seed=seed)


def _ratio(totals: NDArray[np.float64]) -> NDArray[np.float64]:
    return totals[:, 0] / totals[:, 1]


def _all_alike(value: float, n: int, n_prompts: int) -> Estimate:
    """All or none: resamples are all alike, so the open end is exact (Clopper and Pearson) with prompts as trials."""
    reach = ((1 - LEVEL) / 2) ** (1 / n_prompts)
    low, high = (reach, 1.0) if value else (0.0, 1 - reach)
    return Estimate(value=float(value), low=low, high=high, n=n, n_prompts=n_prompts)
