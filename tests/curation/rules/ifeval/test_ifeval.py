import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation.rules import UNREADABLE, verify
from curation.rules.ifeval import ALL, LOOSE, IFEval, readings
from tests.curation.rules.asking import asking, judged

NO_COMMA = {"rule": "punctuation:no_comma"}
QUOTED = {"rule": "startend:quotation"}
SHORT = {"rule": "length_constraints:number_words", "relation": "less than", "num_words": 4}


def values(text, *constraints, **facts):
    return {aspect: score.value for aspect, score in judged(IFEval(), text, asking(*constraints, **facts)).items()}


def test_one_instruction_is_strict_loose_and_all():
    assert values("Sure, here:\nIt falls.", NO_COMMA) == {
        "punctuation:no_comma": 0.0,
        "punctuation:no_comma/loose": 1.0,
        ALL: 0.0,
        ALL + LOOSE: 1.0,
    }


@pytest.mark.parametrize(
    ("text", "strict", "loose"),
    [
        pytest.param("It falls.", 1.0, 1.0, id="both"),
        pytest.param("It falls on and on.", 0.0, 0.0, id="one-of-two"),
        pytest.param("It, falls.\nOn and on.", 0.0, 1.0, id="each-in-its-own-reading"),
        pytest.param("", 0.0, 0.0, id="blank"),
    ],
)
def test_a_prompt_is_followed_when_all_of_its_instructions_are(text, strict, loose):
    found = values(text, NO_COMMA, SHORT)
    assert (found[ALL], found[ALL + LOOSE]) == (strict, loose)


def test_a_rule_that_is_asked_twice_has_two_rows():
    rain, sun = ({"rule": "keywords:existence", "keywords": [word]} for word in ("rain", "sun"))
    found = values("Rain.", rain, sun)
    assert (found["keywords:existence"], found["keywords:existence#2"]) == (1.0, 0.0)


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param({"num_words": 3}, id="missing"),
        pytest.param({"num_words": 3, "relation": "at most"}, id="other-relation"),
        pytest.param({"num_words": -1, "relation": "at least"}, id="negative"),
        pytest.param({"num_words": 2.5, "relation": "at least"}, id="half"),
        pytest.param({"num_words": "many", "relation": "at least"}, id="no-number"),
        pytest.param({"num_words": 3, "relation": "at least", "unit": "pages"}, id="unknown"),
    ],
)
def test_arguments_that_break_the_signature_are_a_bad_constraint(fields):
    found = judged(IFEval(), "It falls.", asking({"rule": "length_constraints:number_words", **fields}))
    assert {score.failure for score in found.values()} == {"bad_constraint"}
    assert set(found) == {SHORT["rule"], SHORT["rule"] + LOOSE, ALL, ALL + LOOSE}


def test_arguments_may_come_as_the_hub_stores_them():
    """Every argument of every instruction is there, most of them null, and counts are floats."""
    stored = SHORT | {"num_words": 4.0, "keywords": None, "end_phrase": None}
    assert values("It falls.", stored)[SHORT["rule"]] == 1.0


def test_a_misspelt_id_is_named_with_the_nearest():
    score = judged(IFEval(), "It falls.", asking({"rule": "keywords:existance", "keywords": ["rain"]}))[UNREADABLE]
    assert "Did you mean 'keywords:existence'?" in score.rationale


@pytest.mark.parametrize(
    ("text", "value", "failure"),
    [
        pytest.param("It falls.", None, "bad_constraint", id="open-while-the-rest-is-met"),
        pytest.param("It, falls.", 0.0, None, id="decided-by-a-violation"),
    ],
)
def test_an_unreadable_instruction_leaves_the_prompt_open(text, value, failure):
    score = judged(IFEval(), text, asking(NO_COMMA, {"rule": "keywords:nothing"}))[ALL]
    assert (score.value, score.failure) == (value, failure)


def test_constraints_of_other_rules_are_left_to_them():
    assert values("It falls.", {"rule": "length", "at_least": 3}) == {ALL: None, ALL + LOOSE: None}


def test_the_request_is_repeated_from_the_prompt_when_the_constraint_does_not_say_it():
    repeat = {"rule": "combination:repeat_prompt"}
    assert values("Tell me of rain. It falls.", repeat, request="Tell me of rain.")[ALL] == 1.0
    assert values("Tell me of rain. It falls.", repeat, request="Tell me of snow.")[ALL] == 0.0
    assert verify(json.dumps(repeat), "It falls.", "It falls.").value == 1.0
    assert verify(json.dumps(repeat), "It falls.").failure == "bad_constraint"


def test_settings_ask_instructions_of_every_response():
    found = judged(IFEval(every=(NO_COMMA,)), "It, falls.", asking(QUOTED))
    assert (found["punctuation:no_comma"].value, found["startend:quotation"].value) == (0.0, 0.0)


def test_the_eight_readings():
    assert readings("*a*\nb\n*c*") == ["*a*\nb\n*c*", "b\n*c*", "*a*\nb", "b", "a\nb\nc", "b\nc", "a\nb"]


@given(text=st.text("ab*\n ", max_size=30))
def test_what_follows_strictly_follows_loosely(text):
    constraints = (NO_COMMA, SHORT, {"rule": "detectable_format:number_bullet_lists", "num_bullets": 1})
    found = values(text, *constraints)
    strict = {aspect: value for aspect, value in found.items() if not aspect.endswith(LOOSE)}
    assert all(found[aspect + LOOSE] >= value for aspect, value in strict.items())
