from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.training.shaping.conftest import SMALL, close, given_steps, shaped

STEPS = st.lists(SMALL, min_size=1, max_size=6)
GOLDEN = (0.9, 0.8, 0.7, 0.95)
DROP_LAST = {"name": "delta", "keep_last": False}


def returns(spec: object, steps: list[float]) -> np.ndarray:
    """The sum from each step on."""
    return np.cumsum(shaped(spec, given_steps(steps))[0][::-1])[::-1]


def test_worked_numbers() -> None:
    (kept,), (dropped,) = (shaped(spec, given_steps(GOLDEN)) for spec in ("delta", DROP_LAST))
    assert kept == close([0.1, 0.1, -0.25, 0.95])
    assert (sum(kept), sum(dropped)) == (close(0.9), close(-0.05))


@given(STEPS)
def test_from_each_step_on_they_add_up_to_its_own_reward(steps: list[float]) -> None:
    assert returns("delta", steps) == pytest.approx(steps, abs=1e-4)
    assert returns(DROP_LAST, steps) == pytest.approx([one - steps[-1] for one in steps], abs=1e-4)


@given(STEPS, st.integers(1, 5))
def test_the_last_step_said_again_earns_nothing(steps: list[float], times: int) -> None:
    again = [*steps, *[steps[-1]] * times]
    assert returns("delta", again)[0] == pytest.approx(returns("delta", steps)[0], abs=1e-4)
    assert sum(again) == pytest.approx(sum(steps) + times * steps[-1], abs=1e-4)


def test_the_last_step_is_that_of_each_response() -> None:
    short, long = shaped("delta", given_steps((0.5, 0.25), (1.0, 0.5, 2.0)))
    assert short[:2] == [0.25, 0.25]
    assert math.isnan(short[2])
    assert long == [0.5, -1.5, 2.0]


def test_clip_comes_first() -> None:
    """Clipped (0, -.05, -.15, 0); its differences add up to the first of them."""
    clipped = shaped({"name": "step_clip", "threshold": 0.85}, given_steps(GOLDEN))
    assert shaped("delta", given_steps(*clipped)) == [close([0.05, 0.1, -0.15, 0])]
