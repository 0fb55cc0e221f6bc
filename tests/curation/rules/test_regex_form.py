import pytest

from curation.rules import RULES
from curation.rules.regex_form import Pattern
from schemas.errors import ConfigError


@pytest.mark.parametrize(
    ("pattern", "text", "whole", "somewhere"),
    [
        pytest.param("Dear", "Dear Ann", False, True, id="part"),
        pytest.param("Dear [A-Z][a-z]+", " Dear Ann\n", True, True, id="whole-but-for-spaces"),
        pytest.param("^Ann", "Dear Ann", False, False, id="anchored"),
        pytest.param("(?m)^Ann", "Dear\nAnn", False, True, id="anchored-to-lines"),
        pytest.param("Dear.Ann", "Dear\nAnn", False, False, id="dot-stops-at-lines"),
        pytest.param("(?s)Dear.Ann", "Dear\nAnn", True, True, id="dot-crosses-lines"),
        pytest.param("(?i)dear", "DEAR", True, True, id="any-case"),
        pytest.param("a|Dear Ann", "Dear Ann", True, True, id="alternatives-are-bracketed"),
        pytest.param("", "", True, True, id="empty"),
    ],
)
def test_where_a_pattern_matches(pattern, text, whole, somewhere):
    found = {where: Pattern(pattern=pattern, expect=where).find(text).satisfied for where in PLACES}
    assert found == {"whole": whole, "somewhere": somewhere, "nowhere": not somewhere}


PLACES = ("whole", "somewhere", "nowhere")


@pytest.mark.timeout(20)
@pytest.mark.parametrize("pattern", ["(a+)+$", "(a|aa)+$", "(.*a){12}$"])
def test_a_pattern_that_would_backtrack_for_ever_is_harmless(pattern):
    assert not Pattern(pattern=pattern).find("a" * 100_000 + "!").satisfied


@pytest.mark.parametrize("pattern", ["(", "a)(b", "(?=a)", "(a)\\1", "\\", "(x{1000}){1000}", "\ud800"])
def test_a_pattern_that_cannot_be_read_is_refused(pattern):
    with pytest.raises(ConfigError, match="pattern"):
        RULES.build({"name": "regex_form", "every": [{"pattern": pattern}]})


def test_half_a_surrogate_pair_is_searched_too():
    assert Pattern(pattern="a").find("\ud800a").satisfied
