"""Fleiss' kappa among as many annotators as each unit has (Fleiss 1971)."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from curation.agreement import MOST_LEVELS, Estimate, counts_table, numbered
from curation.agreement.bootstrap import estimate, sums_by_prompt


def fleiss_kappa(units: ArrayLike, values: ArrayLike, prompts: ArrayLike, *, seed: int = 0) -> Estimate:
    """Agreement beyond chance, at most 1. One row [N] a judgment: which unit, what was said, the unit's prompt.

    Who said it does not matter, but every unit must have as many judgments as the others: for gaps take alpha.
    """
    unit, n_units = numbered(units)
    value, n_values = numbered(values)
    member, n_prompts = numbered(prompts)
    if not n_units:
        return Estimate.undefined("no unit was judged")
    if n_values > MOST_LEVELS:
        return Estimate.undefined(f"more than {MOST_LEVELS} different values; round them", n_units, n_prompts)
    counts = counts_table(unit, value, shape=(n_units, n_values))
    least, most = counts.sum(axis=1).min(), counts.sum(axis=1).max()
    if least != most or most < 2:
        why = f"units have {least:.0f} to {most:.0f} judgments" if least != most else "every unit has one judgment"
        return Estimate.undefined(f"{why}; alpha allows gaps", n_units, n_prompts)
    if n_values == 1:
        return Estimate.undefined("all judgments are alike", n_units, n_prompts)
    prompt_of = np.zeros(n_units, np.intp)
    prompt_of[unit] = member
    alike = (counts * (counts - 1)).sum(axis=1) / (most * (most - 1))
    sums = sums_by_prompt(np.column_stack([alike, np.ones(n_units), counts]), prompt_of, n_prompts)
    return estimate(float(_kappas(sums.sum(axis=0)[None])[0]), sums, _kappas, n=n_units, seed=seed)


def _kappas(totals: NDArray[np.float64]) -> NDArray[np.float64]:
    """From totals [R, 2 + K]: the sum of each unit's agreement, the number of units, the judgments by value."""
    observed, counts = totals[:, 0] / totals[:, 1], totals[:, 2:]
    expected = ((counts / counts.sum(axis=1, keepdims=True)) ** 2).sum(axis=1)
    return (observed - expected) / (1 - expected)
