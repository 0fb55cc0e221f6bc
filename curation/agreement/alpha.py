"""Krippendorff's alpha among any number of annotators, with gaps (Krippendorff 2004, chapter 11)."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from curation.agreement import MOST_LEVELS, Estimate, counts_table, numbered
from curation.agreement.bootstrap import estimate, sums_by_prompt

Level = Literal["nominal", "ordinal", "interval"]


def krippendorff_alpha(
    units: ArrayLike, values: ArrayLike, prompts: ArrayLike, *, level: Level = "nominal", seed: int = 0
) -> Estimate:
    """Agreement beyond chance, at most 1. One row [N] a judgment: which unit, what was said, the unit's prompt.

    level: nominal counts values as equal or not, ordinal by ranks, interval by squared distance. Units with a single
    judgment say nothing about agreement, and are left out. Raises ValueError for texts that are to have an order.
    """
    said = np.asarray(values)
    if level != "nominal" and not np.issubdtype(said.dtype, np.number):
        raise ValueError(f"values at the {level} level must be numbers")
    unit, n_units = numbered(units)
    kept = np.bincount(unit, minlength=n_units)[unit] > 1
    unit, n_units = numbered(unit[kept])
    member, n_prompts = numbered(np.asarray(prompts)[kept])
    domain, value = np.unique(said[kept], return_inverse=True)
    if why := _undefined(domain):
        return Estimate.undefined(why, n_units, n_prompts)
    counts = counts_table(unit, value.reshape(-1), shape=(n_units, len(domain)))
    prompt_of = np.zeros(n_units, np.intp)
    prompt_of[unit] = member
    sums = _coincidences(counts, prompt_of, n_prompts)

    def statistic(totals: NDArray[np.float64]) -> NDArray[np.float64]:
        return alphas(totals.reshape(-1, *sums.shape[1:]), domain, level)

    alpha = _by_library(counts, domain, level)
    return estimate(alpha, sums.reshape(n_prompts, -1), statistic, n=n_units, seed=seed)


def alphas(coincidences: NDArray[np.float64], domain: NDArray[np.generic], level: Level) -> NDArray[np.float64]:
    """Alpha of each matrix of coincidences [R, K, K]: 1 - observed / expected disagreement."""
    counts = coincidences.sum(axis=2)
    apart = _apart(counts, domain, level)
    expected = np.einsum("ri,rj,rij->r", counts, counts, apart) / (counts.sum(axis=1) - 1)
    return 1 - np.einsum("rij,rij->r", coincidences, apart) / expected


def _apart(counts: NDArray[np.float64], domain: NDArray[np.generic], level: Level) -> NDArray[np.float64]:
    """Squared distance of every two values [R, K, K]. Ranks depend on how often each value occurs [R, K]."""
    if level == "nominal":
        return np.broadcast_to(1 - np.eye(len(domain)), (*counts.shape, len(domain)))
    if level == "interval":
        places = np.broadcast_to(domain.astype(np.float64), counts.shape)
    else:
        places = counts.cumsum(axis=1) - counts / 2
    return (places[:, :, None] - places[:, None, :]) ** 2


def _undefined(domain: NDArray[np.generic]) -> str | None:
    """Why judgments with these different values have no alpha; None if they have."""
    if not len(domain):
        return "no unit was judged twice"
    if len(domain) == 1:
        return f"all judgments are {domain[0]}"
    return f"more than {MOST_LEVELS} different values; round them" if len(domain) > MOST_LEVELS else None


def _coincidences(counts: NDArray[np.float64], prompts: NDArray[np.intp], n_prompts: int) -> NDArray[np.float64]:
    """How often two values meet in a unit, each unit with the weight of its judgments: [P, K, K]."""
    others = counts.sum(axis=1, keepdims=True) - 1
    size = counts.shape[1]
    met = np.zeros((n_prompts, size, size))
    for value in range(size):  # a unit's table of K x K would be too much at once
        with_value = counts[:, [value]] * (counts - np.eye(size)[value]) / others
        met[:, value] = sums_by_prompt(with_value, prompts, n_prompts)
    return met


def _by_library(counts: NDArray[np.float64], domain: NDArray[np.generic], level: Level) -> float:
    import krippendorff

    places = np.arange(len(domain)) if level == "nominal" else domain
    return float(
        krippendorff.alpha(value_counts=counts.astype(np.int64), value_domain=places, level_of_measurement=level)
    )
