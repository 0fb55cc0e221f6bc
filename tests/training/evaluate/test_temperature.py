from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.evaluate.accuracy import pair_accuracy
from training.evaluate.temperature import SHARPEST, best_temperature, half_of

GAPS = st.lists(st.integers(-20_000, 20_000), min_size=2, max_size=50).map(lambda gaps: np.array(gaps) / 1000)


def nll(gaps: np.ndarray, temperature: float) -> float:
    return float(np.logaddexp(0, -gaps / temperature).mean())


def test_the_temperature_of_drawn_labels_is_found() -> None:
    chance = np.random.default_rng(0)
    gaps = chance.normal(scale=2, size=100_000)
    oriented = np.where(chance.random(len(gaps)) < 1 / (1 + np.exp(-gaps / 3)), gaps, -gaps)
    assert best_temperature(oriented) == pytest.approx(3, rel=0.05)


def test_a_worked_number() -> None:
    """Differences of 1, three of four right: sigmoid(1 / T) = 3/4, so T = 1 / ln 3."""
    assert best_temperature([1.0, 1.0, 1.0, -1.0]) == pytest.approx(1 / math.log(3))


@given(GAPS)
def test_no_other_temperature_is_better(gaps: np.ndarray) -> None:
    best = best_temperature(gaps)
    sharpest = best == pytest.approx(np.abs(gaps).mean() / SHARPEST)
    for factor in (1.1, 2.0) if sharpest else (0.5, 0.9, 1.1, 2.0):
        assert nll(gaps, best) <= nll(gaps, best * factor) + 1e-9


def test_labels_against_the_rewards_make_a_coin_of_them() -> None:
    assert best_temperature([-1.0, -2.0, 1.0]) == math.inf
    assert best_temperature([0.0, 0.0]) == math.inf
    assert pair_accuracy(np.array([-1.0, -2.0]) / math.inf, ["p", "q"]).nll.value == pytest.approx(math.log(2))


def test_labels_that_are_tossed_are_no_better_than_a_coin_at_any_temperature() -> None:
    chance = np.random.default_rng(0)
    gaps = chance.normal(scale=2, size=4000) * chance.choice([-1, 1], 4000)
    found = pair_accuracy(gaps, [str(n) for n in range(4000)])
    assert found.accuracy.low < 0.5 < found.accuracy.high
    assert min(nll(gaps, temperature) for temperature in np.geomspace(0.1, 1e4, 50)) > math.log(2) - 2e-3


@pytest.mark.parametrize("scale", [1e-310, 1e-30, 1e30])
def test_the_temperature_has_the_scale_of_the_rewards(scale: float) -> None:
    assert best_temperature(np.array([1.0, 1, 1, -1]) * scale) == pytest.approx(scale / math.log(3), rel=1e-3)


def test_pairs_that_are_all_in_order_have_a_sharp_temperature_and_no_infinite_one() -> None:
    assert best_temperature([1.0, 3.0]) == pytest.approx(2 / 100)


def test_a_prompt_lies_in_one_half() -> None:
    prompts = [f"p{n // 3}" for n in range(300)]
    fitted = half_of(prompts, seed=1)
    assert fitted.sum() == 150
    assert all(len(set(fitted[start : start + 3])) == 1 for start in range(0, 300, 3))
    assert not np.array_equal(fitted, half_of(prompts, seed=2))
