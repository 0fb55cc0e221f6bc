"""Rules and ratings as one number."""

import pytest

from curation.rewards import mean_rating, rule_of, share_met
from curation.rules import RULES
from curation.rules.length import Length
from schemas.errors import ConfigError
from schemas.scores import Score
from tests.curation.rules.asking import asking

SHORT = {"rule": "length", "at_most": 3}


@pytest.mark.parametrize(
    ("source", "good", "bad"),
    [
        ("json_form", '{"a": 1}', "no JSON"),
        ("punctuation:no_comma", "one two", "one, two"),
        ("change_case:english_lowercase", "all is low here", "All Is High Here"),
        ('{"rule": "length", "at_most": 3}', "one two", "one two three four"),
        ('{"rule": "keywords:existence", "keywords": ["rain"]}', "much rain", "much snow"),
        ('{"rule": "regex_form", "pattern": "[0-9]+"}', "17", "x"),
    ],
)
def test_a_constraint_for_all_needs_nothing_of_the_prompt(source, good, bad):
    rule = rule_of(source, ())
    assert [share_met(rule, asking(), text) for text in (good, bad)] == [1.0, 0.0]


def test_a_rule_that_needs_more_takes_it_from_the_prompt():
    rule = rule_of("length", ())
    assert share_met(rule, asking(SHORT), "one two") == 1.0
    assert share_met(rule, asking(SHORT, {"rule": "length", "at_least": 2}), "one two three four") == 0.5
    assert share_met(rule, asking(), "one two") is None
    assert share_met(rule_of("ifeval", ()), asking({"rule": "punctuation:no_comma"}), "a, b") == 0.0


def test_a_right_answer_is_worth_1_and_none_is_worth_no_more_than_a_wrong_one():
    rule, prompt = rule_of("math_answer", ()), asking(correct_answers=("7",))
    found = [share_met(rule, prompt, text) for text in ("\\boxed{7}", "\\boxed{8}", "I do not know.")]
    assert found == [1.0, 0.0, 0.0]
    assert share_met(rule, asking(), "\\boxed{7}") is None


def test_a_prompt_s_unreadable_constraint_is_no_fault_of_the_response():
    assert share_met(rule_of("length", ()), asking({"rule": "length", "at_most": "few"}), "one") is None


def test_the_recipe_s_own_rule_goes_before_the_plain_one():
    own = Length(every=({"at_most": 2},))
    assert rule_of("length", (own,)) is own
    assert rule_of("json_form", (own,)) == RULES.build({"name": "json_form", "every": [{"rule": "json_form"}]})


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("lenght", "lenght"),
        ("punctuation:no_coma", "no_comma"),
        ("keywords:existence", "keywords"),
        ('{"rule": "length"}', "give at_least, at_most, or both"),
        ('{"at_most": 3}', "name the rule"),
        ("{", "is no JSON"),
    ],
)
def test_a_source_that_is_none_says_why(source, says):
    with pytest.raises(ConfigError, match=says):
        rule_of(source, ())


def rated(aspect, value, failure=None):
    facts = {"call_id": "c", "response_id": "r", "judge": "j", "judge_version": "1", "scale_lo": 0, "scale_hi": 10}
    return Score(aspect=aspect, value=value, failure=failure, **facts)


def test_ratings_count_as_they_do_in_pairing():
    rows = [rated("a", 2.0), rated("b", 6.0), rated("overall", 10.0), rated("c", None, "missing")]
    assert mean_rating(rows, None) == 4.0
    assert mean_rating(rows[2:], None) == 10.0
    assert mean_rating(rows, ["b", "overall"]) == 8.0
    assert mean_rating(rows, ["c"]) is None
    assert mean_rating([], None) is None
