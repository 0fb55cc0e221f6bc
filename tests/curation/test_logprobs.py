from math import exp, inf, log

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation.logprobs import spelled


def test_tokens_that_read_the_same_count_together():
    assert spelled([("Yes", log(0.25)), ("No", log(0.125)), ("Yes", log(0.25))]) == {
        "Yes": pytest.approx(log(0.5), abs=1e-4),
        "No": pytest.approx(log(0.125), abs=1e-4),
    }


def test_what_cannot_come_stays_so():
    assert spelled([("a", -inf), ("b", 0.0)]) == {"a": -inf, "b": 0.0}


@given(st.lists(st.tuples(st.sampled_from("abc"), st.floats(-5, 0))))
def test_no_probability_is_lost(alternatives):
    total = sum(exp(logprob) for _, logprob in alternatives)
    assert sum(map(exp, spelled(alternatives).values())) == pytest.approx(total, rel=1e-3)
