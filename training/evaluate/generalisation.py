"""What a policy trained on pairs knows as a reward model, beside one that was trained as such: arXiv:2409.03650."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from training.evaluate.accuracy import PairAccuracy, pair_accuracy
from training.evaluate.intervals import Interval, difference_interval


@dataclass(frozen=True, slots=True, kw_only=True)
class Generalisation:
    """Two reward models on the pairs that both can read."""

    explicit: PairAccuracy
    implicit: PairAccuracy
    advantage: Interval
    """Accuracy of the explicit less that of the implicit one, ties half, paired"""


def generalisation(
    explicit: NDArray[np.floating[Any]], implicit: NDArray[np.floating[Any]], prompts: Sequence[str] | NDArray[np.str_]
) -> Generalisation:
    """From the rewards [2, P] that each gives to the better and the worse side of P pairs; NaN: unread."""
    first, second = (sides[0].astype(np.float64) - sides[1] for sides in (explicit, implicit))
    read = ~(np.isnan(first) | np.isnan(second))
    first, second, where = first[read], second[read], np.asarray(prompts)[read]
    return Generalisation(
        explicit=pair_accuracy(first, where),
        implicit=pair_accuracy(second, where),
        advantage=difference_interval((np.sign(first) + 1) / 2, (np.sign(second) + 1) / 2, where),
    )
