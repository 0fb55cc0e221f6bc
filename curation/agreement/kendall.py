"""Kendall's tau-b between the scores of two judges: the same order of answers or not (Kendall 1945)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from curation.agreement import Estimate, numbered
from curation.agreement.bootstrap import DRAWS, with_interval


def kendall_tau(first: ArrayLike, second: ArrayLike, prompts: ArrayLike, *, seed: int = 0) -> Estimate:
    """-1 to 1 over all two of N answers; ties on either side are allowed for. All are [N]."""
    one, two = (np.asarray(scores, np.float64) for scores in (first, second))
    member, n_prompts = numbered(prompts)
    if len(one) < 2:
        return Estimate.undefined("fewer than two answers were scored by both", len(one), n_prompts)
    if (one == one[0]).all() or (two == two[0]).all():
        return Estimate.undefined("a judge gave one score to all", len(one), n_prompts)
    value = _tau(one, two)
    if n_prompts < 2:
        return Estimate(value=value, n=len(one), n_prompts=n_prompts, reason="one prompt has no interval")
    # Tau is no function of sums over prompts: every resample is made, on numbers that sort faster than floats.
    one, two = numbered(one)[0], numbered(two)[0]
    values = np.array([_tau(one[rows], two[rows]) for rows in _resamples(member, n_prompts, seed)])
    return with_interval(value, values, n=len(one), n_prompts=n_prompts)


def _tau(one: NDArray[np.generic], two: NDArray[np.generic]) -> float:
    from scipy.stats import kendalltau

    found: Any = kendalltau(one, two)
    return float(found.statistic)


def _resamples(member: NDArray[np.intp], n_prompts: int, seed: int) -> Iterator[NDArray[np.intp]]:
    """Row numbers of each resample: all rows of as many prompts as there are, drawn with replacement."""
    chance = np.random.default_rng(seed)
    order = np.argsort(member, kind="stable")
    size = np.bincount(member, minlength=n_prompts)
    begin = size.cumsum() - size
    for _ in range(DRAWS):
        drawn = chance.integers(0, n_prompts, n_prompts)
        sizes = size[drawn]
        within = np.arange(sizes.sum()) - np.repeat(sizes.cumsum() - sizes, sizes)
        yield order[np.repeat(begin[drawn], sizes) + within]
