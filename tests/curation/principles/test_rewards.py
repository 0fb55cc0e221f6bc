from math import log

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from curation.principles.rewards import combined

REFERENCE = np.array([[0.0, 10.0], [2.0, 14.0]])
"""Means 1 and 12, deviations 1 and 2."""


def test_worked_by_hand():
    """z = (2 - 1) / 1 = 1 and (10 - 12) / 2 = -1: mean 0, and .5 where the first weighs three times as much."""
    r = np.array([[2.0, 10.0], [1.0, 12.0]])
    assert combined(r, REFERENCE).tolist() == [0.0, 0.0]
    assert combined(r, REFERENCE, (3, 1)).tolist() == pytest.approx([0.5, 0.0])


@given(st.floats(-10, 10), st.floats(0.1, 10), st.integers(0, 1000))
@example(log(0.646 / 0.354), 1.0, 0)
def test_how_readily_a_judge_says_yes_does_not_count(prior, scale, seed):
    """Such as the log odds of RLBFF's labels, 64.6 % of which are yes: 0.6015."""
    rng = np.random.default_rng(seed)
    r, reference = rng.normal(size=(5, 3)), rng.normal(size=(20, 3))
    shift = np.array([0, prior, 0])
    grow = np.array([1, scale, 1])
    assert combined(r * grow + shift, reference * grow + shift) == pytest.approx(combined(r, reference), abs=1e-6)


def test_a_failed_score_leaves_no_reward():
    """A mean over the other principles would be another quantity."""
    found = combined(np.array([[np.nan, 12.0], [1.0, 12.0]]), REFERENCE)
    assert np.isnan(found).tolist() == [True, False]


def test_failed_scores_of_the_reference_are_left_out():
    reference = np.vstack([REFERENCE, [np.nan, 12.0]])
    r = np.array([[2.0, 12.0]])
    assert combined(r, reference).tolist() == [0.5]


@pytest.mark.parametrize(
    ("reference", "weights", "complaint"),
    [
        pytest.param([[1.0, 1.0], [1.0, 2.0]], None, "same score everywhere", id="constant"),
        pytest.param([[1.0, 1.0]], None, "two responses", id="one-reference"),
        pytest.param([[1.0], [2.0]], None, "different numbers", id="another-width"),
        pytest.param([[1.0, 1.0], [2.0, 2.0]], (1,), "different numbers", id="a-weight-too-few"),
        pytest.param([[1.0, 1.0], [2.0, 2.0]], (1, 0), "above 0", id="no-weight"),
        pytest.param([[1.0, 1.0], [2.0, 2.0]], (1, np.nan), "above 0", id="a-weight-that-is-none"),
    ],
)
def test_what_cannot_be_standardised_is_an_error(reference, weights, complaint):
    with pytest.raises(ValueError, match=complaint):
        combined(np.zeros((1, 2)), np.array(reference), weights)
