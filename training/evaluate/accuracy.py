"""How well reward differences agree with the labels of held-out pairs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from training.evaluate.intervals import Interval, mean_interval

BINS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class PairAccuracy:
    """Agreement with N labels. `accuracy` counts an exact tie as wrong, `half_tie` as half right."""

    accuracy: Interval
    half_tie: Interval
    nll: float
    """nats, of the label under sigmoid(difference)"""
    brier: float
    ece: float
    """expected calibration error over 10 bins of the confidence max(p, 1-p)"""
    ties: int
    n: int

    def figures(self) -> dict[str, float]:
        """Flat figures: `accuracy`, `accuracy_low`, `accuracy_high`, `half_tie_accuracy`, ..."""
        flat = {
            f"{name}{end}": value
            for name, interval in {"accuracy": self.accuracy, "half_tie_accuracy": self.half_tie}.items()
            for end, value in {"": interval.value, "_low": interval.low, "_high": interval.high}.items()
        }
        return flat | {"nll": self.nll, "brier": self.brier, "ece": self.ece, "ties": self.ties, "n": self.n}


def pair_accuracy(differences: ArrayLike, prompts: Sequence[str] | NDArray[np.str_], seed: int = 0) -> PairAccuracy:
    """Figures of reward differences chosen - rejected [N]; `prompts` [N] names each pair's prompt."""
    gaps = np.asarray(differences, dtype=np.float64)
    right = (gaps > 0).astype(np.float64)
    tied = gaps == 0
    chance = np.exp(-np.logaddexp(0.0, -gaps))
    return PairAccuracy(
        accuracy=mean_interval(right, prompts, seed),
        half_tie=mean_interval(right + tied / 2, prompts, seed),
        nll=_mean(np.logaddexp(0.0, -gaps)),
        brier=_mean((1 - chance) ** 2),
        ece=expected_calibration_error(chance),
        ties=int(tied.sum()),
        n=len(gaps),
    )


def accuracy_by(
    differences: ArrayLike, prompts: Sequence[str], buckets: Sequence[str], seed: int = 0
) -> dict[str, PairAccuracy]:
    """`pair_accuracy` of each bucket (a source, a length class, a label source ...), by its name."""
    gaps, names, where = np.asarray(differences, dtype=np.float64), np.asarray(prompts), np.asarray(buckets)
    return {str(one): pair_accuracy(gaps[where == one], names[where == one], seed) for one in np.unique(where)}


def expected_calibration_error(chance: NDArray[np.float64]) -> float:
    """Mean |confidence - accuracy| over 10 bins of the confidence, given P(chosen better) [N]. A tie is half right."""
    if not len(chance):
        return float("nan")
    confidence = np.maximum(chance, 1 - chance)
    right = (chance > 0.5) + (chance == 0.5) / 2
    bins = np.minimum((confidence * BINS).astype(int), BINS - 1)
    surplus = np.bincount(bins, confidence - right, minlength=BINS)
    return float(np.abs(surplus).sum() / len(chance))


def _mean(values: NDArray[np.float64]) -> float:
    return float(values.mean()) if len(values) else float("nan")
