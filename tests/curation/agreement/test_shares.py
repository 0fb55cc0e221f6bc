import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation.agreement import Estimate
from curation.agreement.shares import percent_agreement, share


def test_agreement_of_a_table_by_hand():
    """a-a, a-b, b-b, tie-tie: three of four."""
    found = percent_agreement(["a", "a", "b", "tie"], ["a", "b", "b", "tie"], ["p", "p", "q", "r"])
    assert (found.value, found.n, found.n_prompts) == (0.75, 4, 3)


def test_rows_and_counts_of_rows_are_the_same():
    rows = share([1, 0, 1, 1, 0], ["p", "p", "q", "q", "r"])
    assert share([1, 2, 0], ["p", "q", "r"], of=[2, 2, 1]) == rows


def test_the_interval_of_one_verdict_a_prompt_is_about_that_of_a_binomial():
    """0.3 of 1,000: 0.3 +- 1.96 * sqrt(0.21 / 1000) = 0.2716 to 0.3284."""
    found = share([1] * 300 + [0] * 700, range(1000))
    assert (found.low, found.high) == (pytest.approx(0.2716, abs=4e-3), pytest.approx(0.3284, abs=4e-3))


@pytest.mark.parametrize(
    ("hits", "low", "high"),
    [pytest.param([1] * 10, 0.6915, 1.0, id="all"), pytest.param([0] * 10, 0.0, 0.3085, id="none")],
)
def test_all_or_none_of_ten_is_not_certain(hits, low, high):
    """0.025 ** (1 / 10) = 0.6915 (Clopper and Pearson)."""
    found = share(hits, range(10))
    assert (found.low, found.high) == (pytest.approx(low, abs=1e-4), pytest.approx(high, abs=1e-4))


def test_a_share_of_nothing_is_undefined():
    assert share([], []) == Estimate(value=None, reason="nothing to count")
    assert share([0.0], ["p"], of=[0.0]).value is None


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 5)), min_size=1, max_size=40))
def test_a_share_lies_in_its_interval_and_that_in_0_to_1(rows):
    hits, prompts = zip(*rows, strict=True)
    found = share(hits, prompts)
    assert found.value == pytest.approx(sum(hits) / len(hits))
    if found.low is not None:
        assert 0 <= found.low <= found.high <= 1
