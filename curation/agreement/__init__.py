"""How far annotators agree: statistics with intervals over prompts. What is not defined is None with a reason."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

MOST_LEVELS = 32
"""Different values that a scale may have: the tables behind kappa and alpha have a cell for each two of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """A statistic with its 95 % interval over prompts. `reason` says why the value, or the interval, is None.

    `n` counts what was compared (verdicts, comparisons, answers), `n_prompts` the prompts that they belong to.
    """

    value: float | None
    low: float | None = None
    high: float | None = None
    n: int = 0
    n_prompts: int = 0
    reason: str | None = None

    @classmethod
    def undefined(cls, reason: str, n: int = 0, n_prompts: int = 0) -> Self:
        """No value."""
        return cls(value=None, n=n, n_prompts=n_prompts, reason=reason)


def numbered(names: ArrayLike) -> tuple[NDArray[np.intp], int]:
    """Names as numbers from 0, in the order of the names, and how many different ones there are."""
    distinct, numbers = np.unique(np.asarray(names), return_inverse=True)
    return numbers.reshape(-1), len(distinct)


def counts_table(*numbers: NDArray[np.intp], shape: tuple[int, ...]) -> NDArray[np.float64]:
    """How often each combination of numbers occurs: an array of `shape`, one axis for each sequence [N]."""
    flat = np.ravel_multi_index(numbers, shape)
    return np.bincount(flat, minlength=int(np.prod(shape))).astype(np.float64).reshape(shape)
