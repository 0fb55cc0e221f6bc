"""Whether probabilities can be believed: worked numbers, and the same as reward models are evaluated by."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation.agreement.calibration import brier_score, calibration_error
from training.evaluate.accuracy import expected_calibration_error


def test_worked_numbers():
    """Confidences .9 and .9, one right: |.9 - .5|. Squares: (.1^2 + .9^2) / 2."""
    assert calibration_error([0.9, 0.1], ["p", "q"]).value == pytest.approx(0.4)
    assert brier_score([0.9, 0.1], ["p", "q"]).value == pytest.approx(0.41)


def test_one_half_is_half_right_and_a_quarter():
    assert calibration_error([0.5, 0.5], ["p", "q"]).value == 0
    assert brier_score([0.5, 0.5], ["p", "q"]).value == 0.25


@given(st.lists(st.floats(0, 1), min_size=1, max_size=40))
def test_it_is_the_error_that_reward_models_are_evaluated_by(chance):
    prompts = [str(place % 3) for place in range(len(chance))]
    found = calibration_error(chance, prompts)
    assert found.value == pytest.approx(expected_calibration_error(np.array(chance)))
    if found.low is not None:
        assert found.low <= found.value <= found.high


def test_a_calibrated_judge_has_little_error_and_a_sure_one_much():
    """Labels drawn with the probabilities given; a judge that says 99 % instead of them is wrong by the rest."""
    chance = np.random.default_rng(0)
    likely = chance.uniform(0.5, 1, 4000)
    right = chance.random(4000) < likely
    prompts = np.arange(4000).astype(str)
    honest = calibration_error(np.where(right, likely, 1 - likely), prompts)
    sure = calibration_error(np.where(right, 0.99, 0.01), prompts)
    assert honest.value < 0.03
    assert sure.low > 0.2
    assert sure.value == pytest.approx(0.99 - right.mean())


def test_nothing_has_no_error():
    assert calibration_error([], []).reason == brier_score([], []).reason == "nothing to count"
