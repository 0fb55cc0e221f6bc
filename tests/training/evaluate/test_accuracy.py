from __future__ import annotations

import numpy as np
import pytest

from training.evaluate.accuracy import accuracy_by, expected_calibration_error, pair_accuracy

PROMPTS = ["p", "q", "r", "s"]


def test_a_tie_is_wrong_or_half_right() -> None:
    found = pair_accuracy([1.0, 0.0, -2.0, 3.0], PROMPTS)
    assert (found.accuracy.value, found.half_tie.value, found.ties, found.n) == (0.5, 0.625, 1, 4)


def test_equal_rewards_have_the_figures_of_a_coin() -> None:
    found = pair_accuracy(np.zeros(4), PROMPTS)
    assert (found.nll.value, found.brier.value, found.ece.value) == pytest.approx((np.log(2), 0.25, 0.0))


def test_extreme_differences_stay_finite() -> None:
    found = pair_accuracy([-1000.0, 1000.0], ["p", "q"])
    assert (found.nll.value, found.brier.value) == (500.0, 0.5)


def test_a_temperature_changes_no_accuracy() -> None:
    gaps = np.random.default_rng(0).normal(size=100)
    prompts = [str(n) for n in range(100)]
    assert pair_accuracy(gaps, prompts).accuracy == pair_accuracy(gaps / 7, prompts).accuracy


def test_labels_drawn_from_the_chances_are_calibrated() -> None:
    chance = np.random.default_rng(0)
    gaps = chance.normal(scale=2, size=200_000)
    oriented = np.where(chance.random(len(gaps)) < 1 / (1 + np.exp(-gaps)), gaps, -gaps)
    assert expected_calibration_error(1 / (1 + np.exp(-oriented))) < 0.01


def test_every_figure_lies_in_its_interval_which_narrows_with_more_prompts() -> None:
    gaps = np.random.default_rng(0).normal(0.5, 2, size=4000)
    few, many = (pair_accuracy(gaps[:n], [str(one) for one in range(n)]).intervals for n in (100, 4000))
    for name, found in many.items():
        assert found.low <= found.value <= found.high, name
        assert found.high - found.low < few[name].high - few[name].low, name


def test_the_interval_of_a_calibrated_models_error_reaches_down_to_nothing() -> None:
    chance = np.random.default_rng(1)
    gaps = chance.normal(scale=2, size=300)
    oriented = np.where(chance.random(300) < 1 / (1 + np.exp(-gaps)), gaps, -gaps)
    assert pair_accuracy(oriented, [str(one) for one in range(300)]).ece.low == 0.0


def test_a_sure_model_that_is_half_wrong_is_half_off() -> None:
    assert expected_calibration_error(np.array([1.0, 0.0])) == 0.5


def test_buckets_are_measured_apart() -> None:
    found = accuracy_by([1.0, 1.0, -1.0, 1.0], PROMPTS, ["code", "code", "chat", "chat"])
    assert {name: one.accuracy.value for name, one in found.items()} == {"chat": 0.5, "code": 1.0}


def test_figures_are_flat_numbers() -> None:
    figures = pair_accuracy([1.0, -1.0], ["p", "q"]).figures()
    assert {"accuracy", "accuracy_low", "accuracy_high", "half_tie_accuracy", "nll", "brier", "ece"} <= figures.keys()
