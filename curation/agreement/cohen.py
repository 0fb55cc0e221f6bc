"""Cohen's kappa between two annotators, plain or with quadratic weights (Cohen 1960 and 1968)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from curation.agreement import MOST_LEVELS, Estimate, counts_table, numbered
from curation.agreement.bootstrap import estimate

Weights = Literal["quadratic"]


def cohen_kappa(
    first: ArrayLike,
    second: ArrayLike,
    prompts: ArrayLike,
    *,
    weights: Weights | None = None,
    levels: Sequence[float | str] | None = None,
    seed: int = 0,
) -> Estimate:
    """Agreement beyond chance, at most 1. `first`, `second` and `prompts` are [N], a row for what both judged.

    `levels` is the whole scale in order, one step apart: quadratic weights count steps, also over levels that nobody
    used. If absent it is every whole number from the least to the greatest, or the texts that occur. Raises ValueError
    for quadratic weights on other numbers without `levels`.
    """
    one, two = np.asarray(first), np.asarray(second)
    member, n_prompts = numbered(prompts)
    if not len(one):
        return Estimate.undefined("no row was judged by both")
    scale = np.asarray(levels) if levels is not None else _scale(np.concatenate([one, two]), weights)
    if len(scale) > MOST_LEVELS:
        return Estimate.undefined(f"more than {MOST_LEVELS} levels; round the values", len(one), n_prompts)
    one, two = _places(one, scale), _places(two, scale)
    if len({*one.tolist(), *two.tolist()}) == 1:
        return Estimate.undefined(f"both always say {scale[one[0]]}", len(one), n_prompts)
    size = len(scale)
    tables = counts_table(member, one, two, shape=(n_prompts, size, size)).reshape(n_prompts, -1)
    apart = _apart(size, weights)
    value = _by_library(one, two, size, weights)
    return estimate(value, tables, lambda totals: kappas(totals.reshape(-1, size, size), apart), n=len(one), seed=seed)


def kappas(tables: NDArray[np.float64], apart: NDArray[np.float64]) -> NDArray[np.float64]:
    """Kappa of each table of counts [R, K, K]: 1 - observed / expected disagreement, weighted by `apart` [K, K]."""
    rows, columns = tables.sum(axis=2), tables.sum(axis=1)
    expected = np.einsum("ri,rj,ij->r", rows, columns, apart) / rows.sum(axis=1)
    return 1 - np.einsum("rij,ij->r", tables, apart) / expected


def _apart(size: int, weights: Weights | None) -> NDArray[np.float64]:
    """How far two levels are apart: 0 or 1, or the square of their steps."""
    steps = np.subtract.outer(np.arange(size), np.arange(size)).astype(np.float64)
    return steps**2 if weights else (steps != 0).astype(np.float64)


def _by_library(one: NDArray[np.intp], two: NDArray[np.intp], size: int, weights: Weights | None) -> float:
    from sklearn.metrics import cohen_kappa_score

    return float(cohen_kappa_score(one, two, labels=np.arange(size), weights=weights))


def _scale(values: NDArray[np.generic], weights: Weights | None) -> NDArray[np.generic]:
    found = np.unique(values)
    if not np.issubdtype(found.dtype, np.number) or not weights:
        return found
    if not all(float(value).is_integer() for value in found):
        raise ValueError("quadratic weights need `levels` where values are not whole numbers")
    return np.arange(int(found[0]), int(found[-1]) + 1)


def _places(values: NDArray[np.generic], scale: NDArray[np.generic]) -> NDArray[np.intp]:
    """The place of each value on the scale. Raises ValueError for a value that is not on it."""
    order = np.argsort(scale)
    found = order[np.minimum(np.searchsorted(scale, values, sorter=order), len(scale) - 1)]
    if (scale[found] != values).any():
        raise ValueError(f"{values[scale[found] != values][0]} is not on the scale")
    return found
