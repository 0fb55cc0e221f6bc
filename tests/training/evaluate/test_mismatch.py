from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from schemas.errors import ConfigError, InputError
from training.evaluate.mismatch import checkpoint_report, metrics_of, spearman, trend

STEPS = np.arange(24.0)
PROXY = np.log1p(STEPS)
GOLD = np.where(STEPS < 16, STEPS, 32 - STEPS)
"""Turns down in the last third."""


def test_what_rises_together_correlates_fully() -> None:
    found = spearman(PROXY, PROXY**3)
    assert (found.value, found.low, found.high, found.n) == (pytest.approx(1), pytest.approx(1), pytest.approx(1), 24)


def test_the_correlation_is_spearmans_and_checkpoints_without_a_figure_are_left_out() -> None:
    chance = np.random.default_rng(0)
    first, second = chance.integers(0, 6, 30).astype(float), chance.integers(0, 6, 30).astype(float)
    assert spearman(first, second).value == pytest.approx(stats.spearmanr(first, second)[0])
    holed = np.where(np.arange(30) % 5 == 0, np.nan, first)
    whole = ~np.isnan(holed)
    found = spearman(holed, second)
    assert (found.value, found.n) == (pytest.approx(stats.spearmanr(first[whole], second[whole])[0]), 24)


def test_a_constant_figure_has_no_correlation() -> None:
    report = checkpoint_report({"reward": PROXY, "gold": GOLD, "constant": np.full(24, 0.3)}, "reward", "gold")
    assert math.isnan(report["rank correlation of reward and constant"].value)
    assert not math.isnan(report["rank correlation of reward and gold"].value)


def test_few_checkpoints_have_a_wide_interval() -> None:
    chance = np.random.default_rng(0)
    first = chance.normal(size=40)
    second = first + chance.normal(size=40)
    few, many = spearman(first[:6], second[:6]), spearman(first, second)
    assert few.high - few.low > 2 * (many.high - many.low)


def test_a_proxy_that_rises_while_gold_falls_at_the_end_is_flagged() -> None:
    report = checkpoint_report({"reward": PROXY, "gold": GOLD}, "reward", "gold")
    assert report["mismatch"].value == 1
    assert report["slope of gold in the last third"].value == pytest.approx(-1)
    assert report["rank correlation of reward and gold"].value > 0  # over the whole run they still agree


@pytest.mark.parametrize(
    ("proxy", "gold"),
    [
        pytest.param(PROXY, PROXY, id="both-rise"),
        pytest.param(-PROXY, GOLD, id="both-fall"),
        pytest.param(PROXY, np.where(STEPS < 8, -STEPS, STEPS), id="gold-fell-earlier"),
        pytest.param(PROXY[:2], GOLD[::-1][:2], id="too-few"),
    ],
)
def test_other_runs_are_not(proxy: np.ndarray, gold: np.ndarray) -> None:
    assert checkpoint_report({"reward": proxy, "gold": gold}, "reward", "gold")["mismatch"].value == 0


def test_a_trend_jumps_over_what_was_not_measured() -> None:
    assert trend(np.array([0.0, np.nan, 2.0, 3.0])) == pytest.approx(1)


def test_numbers_are_figures_and_texts_are_not() -> None:
    rows = [{"name": "a", "reward": 1, "gold": 0.5, "done": True}, {"name": "b", "reward": 2, "gold": None}]
    found = metrics_of(rows)
    assert list(found) == ["reward", "gold"]
    assert found["reward"] == [1, 2]
    assert math.isnan(found["gold"][1])
    with pytest.raises(InputError, match="Fewer than two columns"):
        metrics_of([{"name": "a", "reward": 1}])


def test_a_figure_that_no_checkpoint_has() -> None:
    with pytest.raises(ConfigError, match="Did you mean 'reward'"):
        checkpoint_report({"reward": PROXY, "gold": GOLD}, "rewrd", "gold")
