import pytest

from curation.rules import RULES
from curation.rules.language import OneOf
from schemas.errors import ConfigError

ENGLISH = "The sun rises over the sea and the birds are singing in the garden."
FRENCH = "Le soleil se lève sur la mer et les oiseaux chantent dans le jardin."


@pytest.mark.parametrize(
    ("text", "met"),
    [
        pytest.param(ENGLISH, True, id="first"),
        pytest.param("太阳从海上升起。鸟儿在花园里歌唱。", True, id="second"),
        pytest.param(FRENCH, False, id="another"),
    ],
)
def test_one_of_several_languages(text, met):
    assert OneOf(languages=("en", "zh-cn")).find(text).satisfied is met


def test_a_text_without_letters_is_no_verdict():
    found = OneOf(languages=("en",)).find("123")
    assert (found.satisfied, found.failure) == (None, "undetectable")


def test_the_rationale_names_both_languages():
    assert OneOf(languages=("en", "de")).find(FRENCH).rationale == "language: fr; want en or de"


@pytest.mark.parametrize("codes", [[], ["zh"], ["english"]])
def test_a_code_that_can_never_come_out_is_refused(codes):
    with pytest.raises(ConfigError):
        RULES.build({"name": "language", "every": [{"languages": codes}]})
