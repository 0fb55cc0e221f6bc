from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from tests.training.shaping.conftest import SMALL, close, given_steps, shaped

STEPS = st.lists(SMALL, min_size=1, max_size=6)


def test_worked_numbers() -> None:
    found = shaped({"name": "step_clip", "threshold": 0.85}, given_steps((0.9, 0.8, 0.7, 0.95)))
    assert found == [close([0, -0.05, -0.15, 0])]


@given(STEPS, SMALL, SMALL)
def test_one_more_step_never_raises_the_total(steps: list[float], more: float, threshold: float) -> None:
    spec = {"name": "step_clip", "threshold": threshold}
    (shorter,), (longer,) = (shaped(spec, given_steps(each)) for each in (steps, [*steps, more]))
    assert sum(longer) <= sum(shorter) + 1e-6
    assert max(longer) <= 0


@given(STEPS)
def test_a_threshold_above_all_steps_only_shifts(steps: list[float]) -> None:
    assert shaped({"name": "step_clip", "threshold": 8.0}, given_steps(steps)) == [close([one - 8 for one in steps])]


def test_a_response_may_have_fewer_steps() -> None:
    short, long = shaped({"name": "step_clip", "threshold": 0.5}, given_steps((0.25,), (1.0, 0.0)))
    assert short[0] == -0.25
    assert math.isnan(short[1])
    assert long == [0.0, -0.5]
