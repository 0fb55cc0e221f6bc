"""How often one policy's answers beat another's, and how often they would at equal length (AlpacaEval, 2404.04475)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

from training.evaluate.intervals import Interval, interval_of_means, mean_interval

PRIOR = 10.0
"""Deviation of both weights beforehand, in log-odds: too wide to be seen, but a side that wins all has an end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WinRate:
    """Over N comparisons. A tie is half a win."""

    rate: Interval
    controlled: Interval
    """The rate at equal length"""
    length_weight: float
    """Log-odds that a far longer answer gains by its length alone"""


def wins_of(first: ArrayLike, second: ArrayLike) -> NDArray[np.float64]:
    """[N] 1, 1/2 or 0, by which of two rewards is greater."""
    return (np.sign(np.asarray(first, dtype=np.float64) - np.asarray(second, dtype=np.float64)) + 1) / 2


def win_rate(wins: ArrayLike, lengths: ArrayLike, prompts: Sequence[str] | NDArray[np.str_]) -> WinRate:
    """Of wins [N] in 0..1, means over both orders where an order was shown. `lengths` [2, N]: ours, theirs.

    log-odds = a + b tanh(difference of lengths / its deviation); the rate at equal length is sigmoid(a).
    """
    won = np.asarray(wins, dtype=np.float64)
    ours, theirs = np.asarray(lengths, dtype=np.float64)
    longer = ours - theirs
    shapes = np.stack([np.ones_like(longer), np.tanh(longer / (longer.std() or 1.0))], axis=1)
    weights = _fitted(torch.from_numpy(shapes), torch.from_numpy(won))
    return WinRate(
        rate=mean_interval(won, prompts),
        controlled=_at_equal_length(shapes, won, weights, prompts),
        length_weight=float(weights[1]),
    )


def _fitted(shapes: Tensor, won: Tensor) -> NDArray[np.float64]:
    """[2] the weights that make the wins likeliest."""
    weights = torch.zeros(2, dtype=torch.float64, requires_grad=True)
    search = torch.optim.LBFGS([weights], max_iter=200, tolerance_grad=1e-10, line_search_fn="strong_wolfe")

    def loss() -> Tensor:
        search.zero_grad()
        # The sum over thousands of rows is too steep for the first step of the search.
        found = binary_cross_entropy_with_logits(shapes @ weights, won)
        found = found + weights.square().sum() / (2 * PRIOR**2 * len(won))
        found.backward()
        return found

    if len(won):
        search.step(loss)  # pyright: ignore[reportArgumentType]
    return weights.detach().numpy()


def _at_equal_length(
    shapes: NDArray[np.float64],
    won: NDArray[np.float64],
    weights: NDArray[np.float64],
    prompts: Sequence[str] | NDArray[np.str_],
) -> Interval:
    """The bootstrap in one step: what a drawn row moves the weights by is its slope over the curvature of all."""
    chance = _sigmoid(shapes @ weights)
    slopes = shapes * (won - chance)[:, None]
    curvature = (shapes * (chance * (1 - chance))[:, None]).T @ shapes + np.eye(2) / PRIOR**2
    moves = len(won) * np.linalg.solve(curvature, (slopes - slopes.mean(0)).T).T if len(won) else slopes
    return interval_of_means(moves[:, :1], prompts, lambda means: _sigmoid(weights[0] + means[..., 0]))


def _sigmoid(x: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.exp(-np.logaddexp(0.0, -x))
