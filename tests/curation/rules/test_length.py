import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation.rules import RULES
from curation.rules.length import Bounds
from schemas.errors import ConfigError


@pytest.mark.parametrize(
    ("bounds", "text", "met", "said"),
    [
        pytest.param({"at_least": 2}, "two words", True, "2 words", id="at-the-lower-bound"),
        pytest.param({"at_least": 3}, "two words", False, "2 words, want at least 3", id="under"),
        pytest.param({"at_most": 2}, "two words", True, "2 words", id="at-the-upper-bound"),
        pytest.param({"at_most": 1}, "two words", False, "2 words, want at most 1", id="over"),
        pytest.param({"at_least": 2, "at_most": 2}, "two words", True, "2 words", id="exactly"),
        pytest.param({"at_most": 0}, "", True, "0 words", id="nothing"),
        pytest.param({"unit": "chars", "at_most": 3}, " abc\n", True, "3 chars", id="chars-without-spaces-around"),
        pytest.param({"unit": "chars", "at_most": 3}, "a b c", False, "5 chars, want at most 3", id="chars"),
        pytest.param({"unit": "sentences", "at_least": 2}, "One. Two.", True, "2 sentences", id="sentences"),
    ],
)
def test_bounds(bounds, text, met, said):
    found = Bounds(**bounds).find(text)
    assert (found.satisfied, found.rationale) == (met, said)


@given(words=st.integers(0, 40), bound=st.integers(0, 40))
def test_the_bounds_exclude_each_other_but_for_one_count(words, bound):
    text = " ".join(["word"] * words)
    short, long = Bounds(at_most=bound).find(text), Bounds(at_least=bound).find(text)
    assert (short.satisfied and long.satisfied) == (words == bound)
    assert short.satisfied or long.satisfied


@pytest.mark.parametrize(
    "bounds", [{}, {"at_least": 3, "at_most": 2}, {"at_least": -1}, {"unit": "pages", "at_most": 1}]
)
def test_bounds_that_bound_nothing_are_refused(bounds):
    with pytest.raises(ConfigError):
        RULES.build({"name": "length", "every": [bounds]})
