import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation.rules import RULES
from curation.rules.keywords import Wording
from schemas.errors import ConfigError


@pytest.mark.parametrize(
    ("wording", "text", "met", "said"),
    [
        pytest.param({"required": ["rain"]}, "Rain, again.", True, "every required", id="any-case"),
        pytest.param({"required": ["rain"]}, "A train.", False, "missing: rain", id="whole-words-only"),
        pytest.param({"required": ["rain"], "whole_words": False}, "A train.", True, "every", id="inside-a-word"),
        pytest.param({"required": ["Rain"], "ignore_case": False}, "rain", False, "missing: Rain", id="case"),
        pytest.param({"required": ["C++", "a.b"]}, "C++ and a.b", True, "every", id="signs-are-themselves"),
        pytest.param({"required": ["a.b"]}, "axb", False, "missing: a.b", id="a-dot-is-a-dot"),
        pytest.param({"required": ["old man"]}, "The old man.", True, "every", id="phrase"),
        pytest.param({"forbidden": ["snow"]}, "Snow.", False, "found: snow", id="forbidden"),
        pytest.param({"forbidden": ["snow"]}, "A snowball.", True, "every", id="forbidden-inside-a-word"),
        pytest.param(
            {"required": ["rain", "sun"], "forbidden": ["snow"]},
            "snow",
            False,
            "missing: rain, sun; found: snow",
            id="all",
        ),
    ],
)
def test_words(wording, text, met, said):
    found = Wording(**wording).find(text)
    assert found.satisfied == met
    assert found.rationale.startswith(said)


@given(word=st.text(min_size=1), text=st.text())
def test_adding_the_word_satisfies_and_forbids(word, text):
    longer = f"{text} {word} "
    assert Wording(required=(word,)).find(longer).satisfied
    assert not Wording(forbidden=(word,)).find(longer).satisfied


@pytest.mark.parametrize("wording", [{}, {"required": [""]}, {"required": "rain"}])
def test_wording_without_words_is_refused(wording):
    with pytest.raises(ConfigError):
        RULES.build({"name": "keywords", "every": [wording]})
