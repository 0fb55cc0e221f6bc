from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from training.evaluate.intervals import correlation_interval, difference_interval, mean_interval, ranks


def test_the_interval_of_independent_rows_is_the_normal_one() -> None:
    """1,000 fair coins: 0.5 +- 1.96 * 0.5 / sqrt(1000) = 0.031."""
    values = np.arange(1000) % 2
    found = mean_interval(values, [str(n) for n in range(1000)])
    assert (found.value, found.n) == (0.5, 1000)
    assert found.high - found.low == pytest.approx(2 * 0.031, rel=0.1)


def test_rows_of_one_prompt_count_as_one_draw() -> None:
    values = np.repeat(np.arange(100) % 2, 10)
    by_row = mean_interval(values, [str(n) for n in range(1000)])
    by_prompt = mean_interval(values, [str(n // 10) for n in range(1000)])
    assert (by_prompt.high - by_prompt.low) > 2.5 * (by_row.high - by_row.low)


def test_a_paired_difference_is_narrower_than_its_parts() -> None:
    noise = np.random.default_rng(0).normal(size=500)
    prompts = [str(n) for n in range(500)]
    found = difference_interval(noise + 0.1, noise, prompts)
    assert (found.low, found.value, found.high) == pytest.approx((0.1, 0.1, 0.1))


def test_the_seed_decides() -> None:
    values, prompts = np.random.default_rng(0).normal(size=50), [str(n) for n in range(50)]
    assert mean_interval(values, prompts, 1) == mean_interval(values, prompts, 1) != mean_interval(values, prompts, 2)


def test_nothing_has_no_mean() -> None:
    found = mean_interval([], [])
    assert found.n == 0
    assert math.isnan(found.value)


def test_a_correlation_is_pearsons_and_its_interval_fishers() -> None:
    """With n = 2000 and r = 0.6: the standard error is (1 - r^2) / sqrt(n) = 0.0143."""
    chance = np.random.default_rng(0)
    x = chance.normal(size=2000)
    y = 0.6 * x + 0.8 * chance.normal(size=2000)
    found = correlation_interval(x + 1e6, y, [str(n) for n in range(2000)])
    assert found.value == pytest.approx(stats.pearsonr(x, y)[0], abs=1e-6)
    assert found.high - found.low == pytest.approx(2 * 1.96 * 0.0143, rel=0.15)


@pytest.mark.parametrize("x", [[0.1, 0.1, 0.1], [], [0.3]])
def test_what_is_constant_correlates_with_nothing(x: list[float]) -> None:
    found = correlation_interval(x, [1.0, 2.0, 3.0][: len(x)], ["p", "q", "r"][: len(x)])
    assert math.isnan(found.value)


def test_equal_values_share_a_rank() -> None:
    values = [3.0, 1.0, 3.0, 2.0, 3.0]
    assert ranks(values).tolist() == (stats.rankdata(values) - 1).tolist() == [3, 0, 3, 1, 3]
