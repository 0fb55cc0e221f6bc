"""How well reward differences agree with the labels of held-out pairs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from training.evaluate.intervals import Interval, interval_of_means, mean_interval

BINS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class PairAccuracy:
    """Agreement with N labels. `accuracy` counts an exact tie as wrong, `half_tie` as half right."""

    accuracy: Interval
    half_tie: Interval
    nll: Interval
    """nats, of the label under sigmoid(difference)"""
    brier: Interval
    ece: Interval
    """expected calibration error over 10 bins of the confidence max(p, 1-p)"""
    ties: int
    n: int

    @property
    def intervals(self) -> dict[str, Interval]:
        """Every figure that has an interval, by its name."""
        return {
            "accuracy": self.accuracy,
            "half_tie_accuracy": self.half_tie,
            "nll": self.nll,
            "brier": self.brier,
            "ece": self.ece,
        }

    def figures(self) -> dict[str, float]:
        """Flat figures: `accuracy`, `accuracy_low`, `accuracy_high`, `half_tie_accuracy`, ..."""
        flat = {
            f"{name}{end}": value
            for name, interval in self.intervals.items()
            for end, value in {"": interval.value, "_low": interval.low, "_high": interval.high}.items()
        }
        return flat | {"ties": self.ties, "n": self.n}


def pair_accuracy(differences: ArrayLike, prompts: Sequence[str] | NDArray[np.str_], seed: int = 0) -> PairAccuracy:
    """Figures of reward differences chosen - rejected [N]; `prompts` [N] names each pair's prompt."""
    gaps = np.asarray(differences, dtype=np.float64)
    right = (gaps > 0).astype(np.float64)
    tied = gaps == 0
    losses = np.logaddexp(0.0, -gaps)
    chance = np.exp(-losses)
    return PairAccuracy(
        accuracy=mean_interval(right, prompts, seed),
        half_tie=mean_interval(right + tied / 2, prompts, seed),
        nll=mean_interval(losses, prompts, seed),
        brier=mean_interval((1 - chance) ** 2, prompts, seed),
        ece=_calibration(chance, prompts, seed),
        ties=int(tied.sum()),
        n=len(gaps),
    )


def accuracy_by(
    differences: ArrayLike, prompts: Sequence[str] | NDArray[np.str_], buckets: ArrayLike, seed: int = 0
) -> dict[str, PairAccuracy]:
    """`pair_accuracy` of each bucket (a source, a length class, a label source ...), by its name."""
    gaps, names, where = np.asarray(differences, dtype=np.float64), np.asarray(prompts), np.asarray(buckets)
    return {str(one): pair_accuracy(gaps[where == one], names[where == one], seed) for one in np.unique(where)}


def expected_calibration_error(chance: NDArray[np.float64]) -> float:
    """Mean |confidence - accuracy| over 10 bins of the confidence, given P(chosen better) [N]. A tie is half right."""
    return float(_sum_of_bins(_surplus(chance).mean(0))) if len(chance) else float("nan")


def _calibration(chance: NDArray[np.float64], prompts: Sequence[str] | NDArray[np.str_], seed: int) -> Interval:
    """The error with the basic bootstrap interval: drawing prompts adds noise, and with it error, once more."""
    found = interval_of_means(_surplus(chance), prompts, _sum_of_bins, seed)
    if not found.n:
        return found
    low, high = max(0.0, 2 * found.value - found.high), max(found.value, 2 * found.value - found.low)
    return Interval(found.value, low, high, found.n)


def _surplus(chance: NDArray[np.float64]) -> NDArray[np.float64]:
    """[N, BINS] confidence - right of each label in the column of its bin, 0 elsewhere."""
    confidence = np.maximum(chance, 1 - chance)
    right = (chance > 0.5) + (chance == 0.5) / 2
    bins = np.minimum((confidence * BINS).astype(int), BINS - 1)
    return (confidence - right)[:, None] * (bins[:, None] == np.arange(BINS))


def _sum_of_bins(surplus: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.abs(surplus).sum(-1)
