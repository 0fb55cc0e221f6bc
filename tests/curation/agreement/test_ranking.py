from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation.agreement.ranking import rank_accuracy

TRUTH = {"a": 5, "b": 3, "c": 2}


@pytest.mark.parametrize(
    ("said", "accuracy"),
    [
        pytest.param({"a": 5, "b": 3, "c": 2}, 1.0, id="perfect"),
        pytest.param({"a": 1, "b": 2, "c": 3}, 0.0, id="reversed"),
        pytest.param({"a": 3, "b": 3, "c": 3}, 0.5, id="all-tied"),
        pytest.param({"a": 5, "b": 2, "c": 3}, 1 - 2 / 9, id="the-low-two-swapped"),
        pytest.param({"a": 5}, 0.0, id="one-name-earns-nothing"),
        pytest.param({"a": 5, "b": 3}, 2 / 3, id="no-more-than-the-coverage"),
        pytest.param({}, 0.0, id="nothing"),
    ],
)
def test_rank_accuracy(said, accuracy):
    """RewardAnything's worked values, and two of its loopholes closed."""
    assert rank_accuracy(TRUTH, said) == pytest.approx(accuracy)


def test_truly_equal_answers_neither_cost_nor_dilute():
    """One of two pairs that have an order is reversed; with the equal pair in the sum it would be 5/9."""
    assert rank_accuracy({"a": 5, "b": 5, "c": 2}, {"a": 5, "b": 1, "c": 2}) == pytest.approx(0.5)


@pytest.mark.parametrize("said", [{"a": 1, "b": 5, "c": 3}, {"a": 4, "b": 4, "c": 4}, {}], ids=str)
def test_where_all_answers_are_equal_no_ranking_earns_anything(said):
    assert rank_accuracy({"a": 3, "b": 3, "c": 3}, said) is None


@given(st.dictionaries(st.sampled_from("abcdef"), st.integers(1, 5), min_size=2))
def test_rank_accuracy_does_not_depend_on_names(truth):
    perfect = pytest.approx(1.0) if len(set(truth.values())) > 1 else None
    for names in list(permutations(truth))[:6]:
        renamed = dict(zip(truth, names, strict=True))
        said = {renamed[name]: score for name, score in truth.items()}
        assert rank_accuracy({renamed[name]: score for name, score in truth.items()}, said) == perfect
