import numpy as np
import pytest
from scipy.stats import kendalltau

from curation.agreement.kendall import kendall_tau


def test_tau_by_hand():
    """Of six pairs of 1 2 3 4 and 1 3 2 4, one is reversed: (5 - 1) / 6."""
    assert kendall_tau([1, 2, 3, 4], [1, 3, 2, 4], range(4)).value == pytest.approx(4 / 6)


def test_tau_b_by_hand_with_a_tie():
    """1 1 2 and 1 2 3: two pairs agree, one is tied on one side: 2 / sqrt(2 * 3)."""
    assert kendall_tau([1, 1, 2], [1, 2, 3], range(3)).value == pytest.approx(2 / np.sqrt(6))


def test_the_interval_is_over_prompts():
    """Rows of one prompt that repeat each other add nothing: the interval stays as wide."""
    chance = np.random.default_rng(0)
    one = chance.normal(size=60)
    two = one + chance.normal(size=60)
    alone = kendall_tau(one, two, range(60))
    repeated = kendall_tau(np.repeat(one, 5), np.repeat(two, 5), np.repeat(np.arange(60), 5))
    assert alone.low < kendalltau(one, two).statistic < alone.high
    assert repeated.high - repeated.low == pytest.approx(alone.high - alone.low, rel=0.15)


@pytest.mark.parametrize(
    ("one", "two", "reason"),
    [
        pytest.param([], [], "fewer than two answers were scored by both", id="nothing"),
        pytest.param([1, 1, 1], [1, 2, 3], "a judge gave one score to all", id="constant"),
    ],
)
def test_tau_is_undefined(one, two, reason):
    found = kendall_tau(one, two, range(len(one)))
    assert (found.value, found.reason) == (None, reason)


def test_one_prompt_has_no_interval():
    found = kendall_tau([1, 2, 3], [1, 2, 3], [0, 0, 0])
    assert (found.value, found.low, found.reason) == (1.0, None, "one prompt has no interval")
