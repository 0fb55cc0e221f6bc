"""The scale on which reward differences are chances: temperature scaling, arXiv:1706.04599."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

SHARPEST = 100.0
"""Largest 1/temperature, in units of 1/(mean difference): where all pairs are in order, none is the best."""
STEPS = 60


def best_temperature(differences: ArrayLike) -> float:
    """The T > 0 for which sigmoid(difference / T) makes the labels most likely; inf where a coin does as well.

    The likelihood is concave in 1/T, so its slope is halved to zero.
    """
    gaps = np.asarray(differences, dtype=np.float64)
    largest = float(np.abs(gaps).max(initial=0.0))
    if gaps.sum() <= 0:
        return float("inf")
    gaps = gaps / largest  # in units in which nothing overflows
    low, high = 0.0, SHARPEST / float(np.abs(gaps).mean())
    for _ in range(STEPS):
        middle = (low + high) / 2
        rising = (gaps * np.exp(-np.logaddexp(0.0, middle * gaps))).sum() > 0
        low, high = (middle, high) if rising else (low, middle)
    return 2 / (low + high) * largest


def half_of(prompts: Sequence[str] | NDArray[np.str_], seed: int = 0) -> NDArray[np.bool_]:
    """[N] whether a row's prompt is in a half drawn by chance: to fit on, while the other half is reported."""
    names, place = np.unique(np.asarray(prompts, dtype=np.str_), return_inverse=True)
    chosen = np.random.default_rng(seed).permutation(len(names)) < len(names) // 2
    return chosen[place]
