import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation.rules import RULES
from curation.rules.json_form import JsonDemand
from schemas.errors import ConfigError

SCHEMA = {"type": "object", "properties": {"age": {"type": "integer"}}, "required": ["age"]}
FENCED = '```json\n{"age": 3}\n```'


@pytest.mark.parametrize(
    ("text", "whole", "fenced", "either"),
    [
        pytest.param('{"age": 3}', True, False, True, id="bare"),
        pytest.param(' \n{"age": 3}\n', True, False, True, id="space-around"),
        pytest.param(FENCED, False, True, True, id="fenced"),
        pytest.param(f"Here it is:\n{FENCED}\nDone.", False, True, True, id="words-around-the-fence"),
        pytest.param('Here it is: {"age": 3}', False, False, False, id="words-before"),
        pytest.param(f"{FENCED}\n{FENCED}", False, False, False, id="two-fences"),
        pytest.param('```json\n{"age": 3}', False, False, False, id="open-fence"),
        pytest.param("```\n```", False, False, False, id="empty-fence"),
        pytest.param('{"age": "three"}', False, False, False, id="breaks-the-schema"),
        pytest.param('{"age": 3, "age": 3}', False, False, False, id="repeated-key"),
        pytest.param('{"age": NaN}', False, False, False, id="not-a-number"),
        pytest.param("", False, False, False, id="empty"),
    ],
)
def test_where_the_value_stands(text, whole, fenced, either):
    found = {where: JsonDemand(json_schema=SCHEMA, where=where).find(text) for where in ("whole", "fenced", "either")}
    assert {where: one.satisfied for where, one in found.items()} == {
        "whole": whole,
        "fenced": fenced,
        "either": either,
    }


def test_any_json_does_without_a_schema():
    assert JsonDemand().find("3").satisfied
    assert not JsonDemand().find("three").satisfied


def test_the_rationale_says_what_breaks_the_schema():
    assert "required" in JsonDemand(json_schema=SCHEMA).find("{}").rationale


@pytest.mark.parametrize(
    "text", ["[" * 5000 + "]" * 5000, '"\\ud800"', '{"a": 1e999}', "9" * 5000], ids=lambda t: t[:9]
)
def test_extremes_are_judged(text):
    assert JsonDemand(json_schema=SCHEMA).find(text).satisfied is False


@given(st.text(st.characters()))
def test_no_text_makes_it_raise(text):
    assert JsonDemand(json_schema=SCHEMA).find(text).satisfied in (True, False)


@pytest.mark.parametrize(
    "schema",
    [
        pytest.param({"type": "colour"}, id="no-schema"),
        pytest.param({"$ref": "file:///etc/hostname"}, id="reads-a-file"),
        pytest.param({"$ref": "http://127.0.0.1/schema"}, id="fetches"),
    ],
)
def test_a_schema_that_cannot_be_used_is_refused(schema):
    with pytest.raises(ConfigError, match="json_schema"):
        RULES.build({"name": "json_form", "every": [{"json_schema": schema}]})
