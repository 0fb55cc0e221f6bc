from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from training.evaluate.win_rate import win_rate, wins_of

COUNT = 2000
PROMPTS = [f"prompt {n}" for n in range(COUNT)]


def judged(merit: float, bias: float, grown: float, seed: int = 0) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Wins and lengths: our answers are `grown` words longer, and the judge likes each for its length, too."""
    chance = np.random.default_rng(seed)
    lengths = np.stack([chance.normal(50 + grown, 10, COUNT), chance.normal(50, 10, COUNT)])
    longer = lengths[0] - lengths[1]
    odds = merit + bias * np.tanh(longer / longer.std())
    return (chance.random(COUNT) < 1 / (1 + np.exp(-odds))).astype(np.float64), lengths


def test_wins_ties_and_losses() -> None:
    assert wins_of([1.0, 0.0, 2.0], [0.0, 0.0, 3.0]).tolist() == [1.0, 0.5, 0.0]


def test_a_planted_bias_for_length_is_taken_away() -> None:
    found = win_rate(*judged(merit=0.0, bias=2.0, grown=15), PROMPTS)
    assert found.rate.low > 0.6, "the longer answers win"
    assert found.controlled.low < 0.5 < found.controlled.high, "and are no better"
    assert found.length_weight == pytest.approx(2.0, abs=0.3)


def test_merit_stays() -> None:
    found = win_rate(*judged(merit=1.0, bias=1.0, grown=-10), PROMPTS)
    assert found.controlled.low < 1 / (1 + np.exp(-1.0)) < found.controlled.high
    assert found.controlled.low > found.rate.value, "shorter answers are better than they look"


def test_without_bias_both_rates_are_one() -> None:
    found = win_rate(*judged(merit=0.5, bias=0.0, grown=0), PROMPTS)
    assert found.controlled.value == pytest.approx(found.rate.value, abs=0.01)
    assert found.controlled.high - found.controlled.low == pytest.approx(found.rate.high - found.rate.low, rel=0.15)


def test_the_interval_holds_the_truth_as_often_as_it_says() -> None:
    truth, held = 1 / (1 + np.exp(-0.5)), 0
    for seed in range(100):
        wins, lengths = judged(merit=0.5, bias=1.5, grown=10, seed=seed)
        found = win_rate(wins[:300], lengths[:, :300], PROMPTS[:300]).controlled
        held += found.low < truth < found.high
    assert 88 <= held <= 100


@given(st.lists(st.tuples(st.sampled_from([0, 0.25, 0.5, 1]), st.integers(0, 9), st.integers(0, 9)), min_size=2))
def test_the_other_side_wins_the_rest(rows: list[tuple[float, int, int]]) -> None:
    wins, ours, theirs = np.array(rows, dtype=np.float64).T
    prompts = [str(n) for n in range(len(rows))]
    one, other = win_rate(wins, [ours, theirs], prompts), win_rate(1 - wins, [theirs, ours], prompts)
    assert one.rate.value + other.rate.value == pytest.approx(1)
    assert one.controlled.value + other.controlled.value == pytest.approx(1, abs=1e-4)


def test_equal_lengths_and_all_won() -> None:
    """Nothing to correct, and no weight without end."""
    found = win_rate(np.ones(50), np.full((2, 50), 7.0), PROMPTS[:50])
    assert found.rate.value == 1
    assert 0.99 < found.controlled.value < 1
    half = win_rate(np.full(50, 0.5), np.full((2, 50), 7.0), PROMPTS[:50])
    assert half.controlled.value == half.rate.value == 0.5


def test_answers_of_one_prompt_go_together() -> None:
    wins, lengths = judged(merit=0.0, bias=1.0, grown=0)
    alone = win_rate(wins, lengths, PROMPTS).controlled
    doubled = win_rate(np.tile(wins, 2), np.tile(lengths, 2), PROMPTS * 2).controlled
    assert doubled.high - doubled.low == pytest.approx(alone.high - alone.low, rel=1e-3)
