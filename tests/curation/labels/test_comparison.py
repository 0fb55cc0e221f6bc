from math import log

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation.labels.comparison import CERTAIN, Posterior, by_posterior, log_odds

shares = st.tuples(*[st.floats(0, 1)] * 3).filter(lambda found: sum(found) > 0.01)


@pytest.mark.parametrize(
    ("likely", "least", "better", "dropped"),
    [
        pytest.param((0.7, 0.2, 0.1), 0.5, "a", None, id="likely-enough"),
        pytest.param((0.2, 0.8, 0.0), 0.5, "b", None, id="the-other-side"),
        pytest.param((0.7, 0.2, 0.1), 0.8, "a", "unsure", id="not-likely-enough"),
        pytest.param((0.45, 0.2, 0.35), 0.5, "a", "unsure", id="ties-count"),
        pytest.param((0.3, 0.3, 0.4), 0.0, "a", "tie", id="a-tie-is-likeliest"),
        pytest.param((0.4, 0.2, 0.4), 0.0, "a", "tie", id="as-likely-as-a-tie"),
        pytest.param((0.5, 0.5, 0.0), 0.0, "a", "split_vote", id="even"),
        pytest.param((0.5, 0.5 + 1e-12, 0.0), 0.0, "b", "split_vote", id="even-but-for-rounding"),
    ],
)
def test_the_likelier_side_wins_if_it_is_likely_enough(likely, least, better, dropped):
    found = by_posterior("a", "b", Posterior(*likely), least)
    assert (found.better, found.dropped) == (better, dropped)


def test_the_soft_label_leaves_ties_aside_and_the_margin_is_its_log_odds():
    found = by_posterior("a", "b", Posterior(0.6, 0.2, 0.2), 0.5)
    assert found.soft_label == pytest.approx(0.75)
    assert found.margin == pytest.approx(log(3))


def test_no_margin_is_without_end():
    assert log_odds(1.0, 0.0) == pytest.approx(log(CERTAIN / (1 - CERTAIN)), abs=1e-9)
    assert log_odds(1.0, 0.0) == pytest.approx(9.21, abs=0.01)


@given(found=shares)
def test_swapped_sides_give_the_same_comparison(found):
    wins_a, wins_b, tie = (share / sum(found) for share in found)
    one = by_posterior("a", "b", Posterior(wins_a, wins_b, tie), 0.5)
    other = by_posterior("b", "a", Posterior(wins_b, wins_a, tie), 0.5)
    assert one.dropped == other.dropped
    assert one.dropped or one == other
