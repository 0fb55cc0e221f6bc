"""What every rule promises."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation.rules import RULES, UNREADABLE, ConstraintRule, verify
from curation.rules.ifeval import INSTRUCTIONS
from schemas.errors import ConfigError
from schemas.scores import SCORES
from tests.curation.rules.asking import asking, judged, saying

DEMANDS = {
    "ifeval": {"rule": "length_constraints:number_words", "relation": "at least", "num_words": 3},
    "json_form": {"rule": "json_form", "json_schema": {"type": "object"}},
    "keywords": {"rule": "keywords", "required": ["rain"]},
    "language": {"rule": "language", "languages": ["en"]},
    "length": {"rule": "length", "at_least": 3},
    "regex_form": {"rule": "regex_form", "pattern": "rain"},
}
"""A constraint that each constraint rule knows."""

MALFORMED = ("", "{", "[]", "3", '{"relation": "at least"}', '{"rule": 3}', '{"rule": "a", "rule": "b"}', "[" * 100_000)

PROMPT = asking(*DEMANDS.values(), *MALFORMED, correct_answers=("18",))

leaves = st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters())
values = st.recursive(leaves, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3))
ids = st.sampled_from([*INSTRUCTIONS.classes, *RULES.classes, "keywords:nothing"]) | st.text(st.characters())
fields = st.sampled_from(sorted({name for cls in INSTRUCTIONS.classes.values() for name in cls.model_fields}))
constraints = st.builds(lambda rule, rest: rest | {"rule": rule}, ids, st.dictionaries(fields, values, max_size=3))
texts = st.text(st.characters())
"""Any text, with halves of surrogate pairs."""


@pytest.fixture(params=RULES.classes, scope="module")
def rule(request):
    return RULES.build(request.param)


def test_every_constraint_rule_is_given_a_constraint():
    assert DEMANDS.keys() == {name for name, cls in RULES.classes.items() if issubclass(cls, ConstraintRule)}


@given(text=texts)
def test_judging_twice_gives_the_same_rows(rule, text):
    response = saying(text, PROMPT)
    assert rule.scores(PROMPT, response) == rule.scores(PROMPT, response)


@given(text=texts, constraint=constraints, answers=st.lists(texts, max_size=2))
def test_no_text_and_no_constraint_makes_it_raise(rule, text, constraint, answers):
    prompt = asking(json.dumps(constraint), correct_answers=tuple(answers))
    assert rule.scores(prompt, saying(text, prompt))


@given(text=st.text(), constraint=constraints)
def test_the_rows_fit_the_table_and_its_key(rule, text, constraint):
    prompt = asking(json.dumps(constraint), *DEMANDS.values(), correct_answers=("18",))
    rows = rule.scores(prompt, saying(text, prompt), run_id="r")
    assert SCORES.check(SCORES.rows(rows)).num_rows == len({row.row_id for row in rows}) == len(rows)
    assert all(row.value in (None, 0.0, 1.0) for row in rows)


def test_another_answer_is_another_act(rule):
    one, other = (rule.scores(PROMPT, saying(text, PROMPT)) for text in ("rain", "snow"))
    assert not {row.row_id for row in one} & {row.row_id for row in other}


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(asking(correct_answers=("18",)), id="constraints"),
        pytest.param(asking(*DEMANDS.values(), *MALFORMED, correct_answers=("19",)), id="answers"),
    ],
)
def test_other_demands_of_the_same_prompt_are_another_act(rule, other):
    response = saying("rain", PROMPT)
    assert other.prompt_id == PROMPT.prompt_id
    assert rule.call_id(other, response) != rule.call_id(PROMPT, response)


def test_a_prompt_that_demands_nothing_gets_a_row_without_a_value(rule):
    prompt = asking()
    found = rule.scores(prompt, saying("rain", prompt))
    assert found
    assert {(row.value, row.failure) for row in found} == {(None, None)}
    assert all(row.rationale for row in found)


def test_a_rule_is_rebuilt_from_its_spec(rule):
    assert RULES.build(rule.spec()) == rule


@pytest.fixture(params=DEMANDS)
def demand(request):
    return RULES.build(request.param), DEMANDS[request.param]


def test_every_constraint_has_a_row_of_its_own(demand):
    rule, constraint = demand
    found = judged(rule, "Let it rain.", asking(constraint, "{", constraint))
    assert {constraint["rule"], f"{constraint['rule']}#2", UNREADABLE} <= found.keys()
    assert found[UNREADABLE].failure == "bad_constraint"


def test_an_unknown_field_is_a_bad_constraint(demand):
    rule, constraint = demand
    score = judged(rule, "Let it rain.", asking(constraint | {"colour": "red"}))[constraint["rule"]]
    assert (score.value, score.failure) == (None, "bad_constraint")
    assert "colour" in score.rationale


def test_a_field_that_is_null_counts_as_absent(demand):
    rule, constraint = demand
    score = judged(rule, "Let it rain.", asking(constraint | {"colour": None}))[constraint["rule"]]
    assert score.failure is None


def test_settings_ask_it_of_every_response(demand):
    rule, constraint = demand
    every = type(rule)(every=(constraint,))
    assert judged(every, "Let it rain.", asking())[constraint["rule"]].value is not None
    assert RULES.build(every.spec()) == every


def test_other_settings_are_another_act(demand):
    rule, constraint = demand
    response = saying("rain", PROMPT)
    assert type(rule)(every=(constraint,)).call_id(PROMPT, response) != rule.call_id(PROMPT, response)


@pytest.mark.parametrize("wrong", [{"colour": "red"}, {"rule": "nothing"}, {"rule": 3}], ids=["field", "rule", "type"])
def test_settings_that_cannot_be_read_are_refused(demand, wrong):
    rule, constraint = demand
    with pytest.raises(ConfigError, match="every"):
        RULES.build({"name": rule.name, "every": [constraint | wrong]})


@pytest.mark.parametrize("text", MALFORMED, ids=lambda text: text[:8] or "empty")
def test_a_malformed_constraint_is_a_failure(text):
    assert verify(text, "rain").failure == "bad_constraint"


@pytest.mark.parametrize("constraint", DEMANDS.values(), ids=DEMANDS.keys())
def test_verify_finds_the_rule_that_knows_a_constraint(constraint):
    assert verify(json.dumps(constraint), "rain").aspect == constraint["rule"]


def test_verify_says_when_no_rule_knows_a_constraint():
    found = verify('{"rule": "rhymes"}', "rain")
    assert (found.value, found.failure, found.aspect) == (None, "bad_constraint", UNREADABLE)


HARD = {
    "stars": "*" * 50_000,
    "brackets": "[" * 50_000,
    "titles": "<<" * 25_000,
    "lines": "\n" * 50_000 + "x",
    "spaces": "x" + " " * 50_000 + "x",
    "stops": ". " * 25_000,
    "closed": ".)" * 25_000,
    "marks": "#### " * 10_000,
    "boxes": "\\boxed{" * 7_000,
    "digits": "1" * 50_000,
}


@pytest.mark.timeout(60)
@pytest.mark.parametrize("text", HARD.values(), ids=HARD.keys())
def test_no_text_takes_time_with_its_square(rule, text):
    """Quadratic patterns take minutes on these, in each of eight readings."""
    prompt = asking(
        *DEMANDS.values(),
        {"rule": "detectable_content:number_placeholders", "num_placeholders": 1},
        {"rule": "detectable_format:title"},
        {"rule": "detectable_format:number_bullet_lists", "num_bullets": 1},
        {"rule": "detectable_format:number_highlighted_sections", "num_highlights": 1},
        {"rule": "detectable_content:postscript", "postscript_marker": "P.S."},
        {"rule": "change_case:capital_word_frequency", "capital_frequency": 1, "capital_relation": "at least"},
        {"rule": "regex_form", "pattern": "(x+x+)+y"},
        correct_answers=("18",),
    )
    assert rule.scores(prompt, saying(text, prompt))
