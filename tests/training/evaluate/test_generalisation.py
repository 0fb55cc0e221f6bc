from __future__ import annotations

import numpy as np
import pytest

from training.evaluate.accuracy import pair_accuracy
from training.evaluate.generalisation import generalisation

PROMPTS = [str(n // 2) for n in range(40)]


def rewards(seed: int, lead: float) -> np.ndarray:
    """[2, 40] of the better and the worse side."""
    found = np.random.default_rng(seed).normal(size=(2, 40))
    found[0] += lead
    return found


def test_both_are_measured_on_the_same_pairs() -> None:
    """A pair that one of them cannot read counts for neither."""
    one, other = rewards(0, 1.0), rewards(1, 0.0)
    one[0, 3] = other[1, 7] = np.nan
    read = [n for n in range(40) if n not in (3, 7)]
    found = generalisation(one, other, PROMPTS)
    names = [PROMPTS[n] for n in read]
    assert found.explicit == pair_accuracy(one[0, read] - one[1, read], names)
    assert found.implicit == pair_accuracy(other[0, read] - other[1, read], names)
    assert found.advantage.value == pytest.approx(found.explicit.half_tie.value - found.implicit.half_tie.value)
    assert found.advantage.n == 38


def test_a_model_has_no_advantage_over_itself() -> None:
    found = generalisation(rewards(0, 1.0), rewards(0, 1.0), PROMPTS).advantage
    assert (found.low, found.value, found.high) == (0.0, 0.0, 0.0)


def test_turned_pairs_turn_the_advantage() -> None:
    one, other = rewards(0, 1.0), rewards(1, 0.0)
    as_is, turned = (generalisation(a, b, PROMPTS).advantage for a, b in ((one, other), (one[::-1], other[::-1])))
    assert turned.value == pytest.approx(-as_is.value)
