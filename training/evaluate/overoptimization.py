"""How the truth fares while a proxy of it is optimised: curves over sqrt(KL), and the laws of arXiv:2210.10760."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from schemas.errors import InputError
from training.evaluate.best_of_n import expected_best, kl_of_best
from training.evaluate.intervals import Interval, mean_interval

Law = Literal["best_of_n", "rl"]
"""R(d) = d (alpha - beta d) for best of n; R(d) = d (alpha - beta log d) for RL, and for direct alignment
(arXiv:2406.02900). d is sqrt(KL), and R(0) = 0."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fitted:
    """One law with its two numbers."""

    law: Law
    alpha: float
    beta: float

    def at(self, d: float) -> float:
        """R(d)."""
        if d == 0:
            return 0.0
        return d * (self.alpha - self.beta * (d if self.law == "best_of_n" else math.log(d)))

    @property
    def peak(self) -> float:
        """The d of the greatest R; infinite where R rises without end."""
        if self.beta <= 0:
            return math.inf
        ratio = self.alpha / self.beta
        return max(ratio / 2, 0.0) if self.law == "best_of_n" else _exp(ratio - 1)

    @property
    def zero(self) -> float:
        """The d beyond which R is below its start; infinite where it never is."""
        if self.beta <= 0:
            return math.inf
        ratio = self.alpha / self.beta
        return max(ratio, 0.0) if self.law == "best_of_n" else _exp(ratio)


def fitted(law: Law, distances: ArrayLike, rewards: ArrayLike) -> Fitted:
    """The law nearest to `rewards` [C] at `distances` [C], by linear least squares: it is linear in its numbers."""
    d = np.asarray(distances, dtype=np.float64)
    if not enough(d):
        raise InputError("A law has two numbers; give two distances above 0, or more.")
    bend = d**2 if law == "best_of_n" else d * np.log(np.where(d > 0, d, 1.0))
    alpha, beta = np.linalg.lstsq(np.stack([d, -bend], axis=1), np.asarray(rewards, dtype=np.float64), rcond=None)[0]
    return Fitted(law=law, alpha=float(alpha), beta=float(beta))


def enough(distances: NDArray[np.float64]) -> bool:
    """Whether there are as many distances above 0 as a law has numbers."""
    return len(np.unique(distances[distances > 0])) >= 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """Proxy and gold of P prompts at C points, from the starting policy on, by rising KL.

    Both less what the starting policy has on the same prompt, in standard deviations of all its responses: 0 is where
    it starts.
    """

    law: Law
    points: tuple[int, ...]
    """n, or the number of the checkpoint"""
    kl: NDArray[np.float64]
    """[C] nats"""
    proxy: NDArray[np.float64]
    """[C, P]"""
    gold: NDArray[np.float64]
    """[C, P]"""
    prompts: tuple[str, ...]
    """[P] names"""

    @property
    def distances(self) -> NDArray[np.float64]:
        """[C] sqrt(KL)."""
        return np.sqrt(self.kl)

    def fit(self) -> Fitted:
        """The law of the mean gold."""
        return fitted(self.law, self.distances, self.gold.mean(1))

    @property
    def peak(self) -> int:
        """The place of the greatest mean gold among the points."""
        return int(self.gold.mean(1).argmax())

    def fall(self) -> Interval:
        """How far the mean gold falls from its peak to the last point."""
        return mean_interval(falls(self.gold, self.prompts), self.prompts)

    def rows(self) -> list[dict[str, Any]]:
        """One row a point and score: point, kl, distance, score (proxy or gold), value, low, high, law (None: too few
        points for one).
        """
        law = self.fit() if enough(self.distances) else None
        rows: list[dict[str, Any]] = []
        for score, values in (("proxy", self.proxy), ("gold", self.gold)):
            for point, kl, of_prompts in zip(self.points, self.kl.tolist(), values, strict=True):
                found = mean_interval(of_prompts, self.prompts)
                place = {"score": score, "point": point, "kl": kl, "distance": math.sqrt(kl)}
                measured = {"value": found.value, "low": found.low, "high": found.high}
                rows.append({**place, **measured, "law": law.at(math.sqrt(kl)) if law and score == "gold" else None})
        return rows

    def figures(self) -> dict[str, float]:
        """The peak by the points, the fall after it, and the peak by the law where there are points enough for one."""
        fall, place = self.fall(), self.peak
        found = {
            "peak_distance": float(self.distances[place]),
            "peak_gold": float(self.gold[place].mean()),
            "fall": fall.value,
            "fall_low": fall.low,
            "fall_high": fall.high,
        }
        if not enough(self.distances):
            return found
        law = self.fit()
        return found | {
            "alpha": law.alpha,
            "beta": law.beta,
            "law_peak_distance": law.peak,
            "law_peak_gold": law.at(law.peak) if math.isfinite(law.peak) else math.inf,
            "law_zero_distance": law.zero,
        }


def falls(gold: NDArray[np.float64], prompts: Sequence[str]) -> NDArray[np.float64]:
    """[P] how far the gold of each prompt, of [C, P] at C points, falls from the peak of the mean to the last point.

    Each half of the prompts finds the peak for the other: the greatest of noisy means is above its own truth.
    """
    half = np.unique(np.asarray(prompts), return_inverse=True)[1] % 2
    peaks = [gold[:, half != side].mean(1).argmax() for side in (0, 1)]
    return gold[np.take(peaks, half), np.arange(len(half))] - gold[-1]


def best_of_n_curve(proxy: ArrayLike, gold: ArrayLike, prompts: Sequence[str], counts: Sequence[int]) -> Curve:
    """The curve of choosing among n samples, for each n of `counts`; `proxy` and `gold` are [P, N]."""
    scores, truth = np.asarray(proxy, dtype=np.float64), np.asarray(gold, dtype=np.float64)
    counts = sorted(counts)
    return Curve(
        law="best_of_n",
        points=tuple(counts),
        kl=np.array([kl_of_best(n) for n in counts]),
        proxy=_gained(np.stack([expected_best(scores, scores, n) for n in counts]), scores),
        gold=_gained(np.stack([expected_best(scores, truth, n) for n in counts]), truth),
        prompts=tuple(prompts),
    )


def checkpoint_curve(kl: ArrayLike, proxy: ArrayLike, gold: ArrayLike, prompts: Sequence[str]) -> Curve:
    """The curve of training: `kl` [C] in nats, summed over tokens, of samples of each checkpoint; scores [C, P].

    The first checkpoint is the starting policy.
    """
    scores, truth = np.asarray(proxy, dtype=np.float64), np.asarray(gold, dtype=np.float64)
    spent = np.asarray(kl, dtype=np.float64)
    if spent[0] != 0 or (spent < 0).any():
        raise InputError("The first checkpoint is the starting policy, whose KL is 0, and no other KL is below it.")
    order = spent.argsort(kind="stable")
    return Curve(
        law="rl",
        points=tuple(order.tolist()),
        kl=spent[order],
        proxy=_gained(scores, scores[0][:, None])[order],
        gold=_gained(truth, truth[0][:, None])[order],
        prompts=tuple(prompts),
    )


def _gained(values: NDArray[np.float64], start: NDArray[np.float64]) -> NDArray[np.float64]:
    """[C, P] what is above the starting policy's responses [P, N], prompt by prompt, in their standard deviations."""
    if not (std := start.std()):
        raise InputError("All responses of the starting policy have one score; there is no scale to measure on.")
    return (values - start.mean(1)) / std


def _exp(power: float) -> float:
    """Infinite where no float is as large."""
    return math.exp(power) if power < 700 else math.inf
