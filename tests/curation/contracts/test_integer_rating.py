import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation.contracts import CONTRACTS
from curation.contracts.integer_rating import IntegerRating
from schemas.errors import ConfigError


@pytest.mark.parametrize(
    ("text", "value", "failure"),
    [
        pytest.param("9", 9, None, id="alone"),
        pytest.param(" 10\n", 10, None, id="space-around-it"),
        pytest.param("0", 0, None, id="the-lowest"),
        pytest.param("11", None, "out_of_range", id="above"),
        pytest.param("-1", None, "out_of_range", id="below"),
        pytest.param("1" * 9, None, "out_of_range", id="far-above"),
        pytest.param("8.0", None, "unparsable", id="a-float"),
        pytest.param("8/10", None, "unparsable", id="a-fraction"),
        pytest.param("Score: 8", None, "unparsable", id="words-around-it"),
        pytest.param("7 or 8", None, "unparsable", id="two-ratings"),
        pytest.param("nine", None, "unparsable", id="a-word"),
        pytest.param("٩", None, "unparsable", id="a-digit-of-another-script"),
        pytest.param("1_0", None, "unparsable", id="as-python-writes-it"),
        pytest.param("True", None, "unparsable", id="a-truth-value"),
        pytest.param("", None, "missing", id="nothing"),
    ],
)
def test_the_reply_is_the_rating(text, value, failure):
    reading = IntegerRating().read(text)
    assert (reading.value, reading.failure) == (value, failure)


@given(st.integers(-50, 50), st.integers(-20, 0), st.integers(1, 20))
def test_every_rating_of_the_scale_comes_back_and_no_other(rating, lo, hi):
    reading = IntegerRating(lo=lo, hi=hi).read(str(rating))
    assert reading.value == (rating if lo <= rating <= hi else None)


def test_a_scale_needs_two_ratings():
    with pytest.raises(ConfigError, match="no two ratings"):
        CONTRACTS.build({"name": "integer_rating", "lo": 5, "hi": 5})
