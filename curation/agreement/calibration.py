"""Whether probabilities can be believed: expected calibration error (Guo et al. 2017) and Brier's score (1950)."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from curation.agreement import Estimate, numbered
from curation.agreement.bootstrap import estimate, sums_by_prompt

BINS = 10
"""Of equal width, of the confidence max(p, 1 - p)."""


def calibration_error(chance: ArrayLike, prompts: ArrayLike, *, seed: int = 0) -> Estimate:
    """Mean |confidence - accuracy| over bins, 0 to 1, given the probability of the right answer [N]. 1/2 is half right.

    The interval is the basic one: drawing prompts adds noise, and with it error, once more.
    """
    likely = np.asarray(chance, np.float64)
    member, n_prompts = numbered(prompts)
    if not len(likely):
        return Estimate.undefined("nothing to count")
    confidence = np.maximum(likely, 1 - likely)
    right = (likely > 0.5) + (likely == 0.5) / 2
    bins = np.minimum((confidence * BINS).astype(int), BINS - 1)
    surplus = (confidence - right)[:, None] * (bins[:, None] == np.arange(BINS))
    sums = sums_by_prompt(np.column_stack([surplus, np.ones_like(likely)]), member, n_prompts)
    value = float(_error(sums.sum(axis=0)[None])[0])
    found = estimate(value, sums, _error, n=len(likely), seed=seed)
    if found.low is None or found.high is None:
        return found
    return replace(found, low=max(0.0, 2 * value - found.high), high=max(value, 2 * value - found.low))


def brier_score(chance: ArrayLike, prompts: ArrayLike, *, seed: int = 0) -> Estimate:
    """Mean squared distance from 1 of the probability of the right answer [N]: 0 is sure and right, 1/4 is 1/2."""
    likely = np.asarray(chance, np.float64)
    member, n_prompts = numbered(prompts)
    if not len(likely):
        return Estimate.undefined("nothing to count")
    apart = (1 - likely) ** 2
    sums = sums_by_prompt(np.column_stack([apart, np.ones_like(apart)]), member, n_prompts)
    return estimate(float(apart.mean()), sums, lambda totals: totals[:, 0] / totals[:, 1], n=len(apart), seed=seed)


def _error(totals: NDArray[np.float64]) -> NDArray[np.float64]:
    """From totals [R, BINS + 1]: the surplus of confidence in each bin, and the number of rows."""
    return np.abs(totals[:, :-1]).sum(axis=1) / totals[:, -1]
