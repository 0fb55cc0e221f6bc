"""What choosing the best of n samples by a reward model is worth, for every n at once: arXiv:2310.02743."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from schemas.errors import InputError


def chances(samples: int, n: int) -> NDArray[np.float64]:
    """[N] chance of each sample, from the worst to the best, to be the best of n drawn without replacement.

    C(i-1, n-1) / C(N, n), in log space: the binomials overflow.
    """
    if not 1 <= n <= samples:
        raise InputError(f"The best of {n} needs at least {n} samples of every prompt, not {samples}; name a lesser n.")
    place = torch.arange(n, samples + 1, dtype=torch.float64)
    ways = place.lgamma() - math.lgamma(n) - (place - n + 1).lgamma()
    sets = math.lgamma(samples + 1) - math.lgamma(n + 1) - math.lgamma(samples - n + 1)
    return np.concatenate([np.zeros(n - 1), (ways - sets).exp().numpy()])


def expected_best(proxy: ArrayLike, values: ArrayLike, n: int) -> NDArray[np.float64]:
    """[P] mean of `values` [P, N] over the samples that `proxy` [P, N] chooses among n: over all subsets, unbiased.

    Of samples with equal proxy the last is chosen: their order must mean nothing.
    """
    scores = np.asarray(proxy, dtype=np.float64)
    order = scores.argsort(axis=1, kind="stable")
    return np.take_along_axis(np.asarray(values, dtype=np.float64), order, axis=1) @ chances(scores.shape[1], n)


def kl_of_best(n: int) -> float:
    """The KL divergence of the best of n from a single sample, in nats. Samples of equal proxy make it less."""
    return math.log(n) - (n - 1) / n


def tied_share(proxy: ArrayLike) -> float:
    """Share of samples whose proxy [P, N] another sample of their prompt has, too."""
    scores: NDArray[Any] = np.sort(np.asarray(proxy), axis=1)
    same = scores[:, 1:] == scores[:, :-1]
    none = np.zeros((len(scores), 1), dtype=bool)
    return float((np.hstack([same, none]) | np.hstack([none, same])).mean())
