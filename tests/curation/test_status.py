import json

import pytest

from curation.json_text import json_value
from curation.status import status_of
from schemas.calls import Reply, Request, Sampling, Structure
from schemas.prompts import user

RATINGS = {
    "type": "object",
    "properties": {
        "ratings": {
            "type": "object",
            "properties": {label: {"type": "integer", "minimum": 1, "maximum": 5} for label in ("A", "B")},
            "required": ["A", "B"],
            "additionalProperties": False,
        }
    },
    "required": ["ratings"],
    "additionalProperties": False,
}
JSON = Structure(kind="json", text=json.dumps(RATINGS))


def status(text, structure=None, finish_reason="stop"):
    request = Request(messages=user("x"), sampling=Sampling(), seed=0, structure=structure, purpose="test")
    return status_of(
        request, Reply(text=text, finish_reason=finish_reason, prompt_tokens=1, completion_tokens=1, detail="why")
    )[0]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param('{"ratings": {"A": 1, "B": 5}}', "ok", id="as-asked"),
        pytest.param(' {"ratings":{"B":1,"A":5}}\n', "ok", id="another-order"),
        pytest.param('{"ratings": {"A": 1, "B"', "unparsable", id="cut"),
        pytest.param('{"ratings": {"A": 1, "B": 5,},}', "repaired", id="surplus-commas"),
        pytest.param('Sure! {"ratings": {"A": 1, "B": 5}}', "bracketed", id="prose-around-it"),
        pytest.param('```json\n{"ratings": {"A": 1, "B": 5}}\n```', "bracketed", id="a-fence-of-code"),
        pytest.param('{"ratings": {"A": 1, "B": 5}} {"ratings": {"A": 5, "B": 1}}', "unparsable", id="two-objects"),
        pytest.param('Sure! {"ratings": {"A": 1}}', "invalid", id="prose-around-an-item-missing"),
        pytest.param('Sure! {"ratings": {"A": 1, "A": 2}}', "invalid", id="prose-around-an-id-twice"),
        pytest.param('Sure! {"ratings": {"A": NaN, "B": 5}}', "unparsable", id="prose-around-not-a-number"),
        pytest.param('Sorry, no: {"ratings": {"A": 1, "B": 5}}', "refused", id="a-refusal-with-an-object"),
        pytest.param("A: 1, B: 5", "unparsable", id="prose"),
        pytest.param("I'm sorry, but I can't help with that.", "refused", id="a-refusal-in-words"),
        pytest.param("I cannot rate these answers.", "refused", id="another-refusal"),
        pytest.param('{"ratings": {"A": 1, "C": 5}}', "invalid", id="wrong-ids"),
        pytest.param('{"ratings": {"A": 1, "A": 2, "B": 5}}', "invalid", id="an-id-twice"),
        pytest.param('{"ratings": {"A": 1}}', "invalid", id="an-item-missing"),
        pytest.param('{"ratings": {"A": 1, "B": 6}}', "invalid", id="out-of-range"),
        pytest.param('{"ratings": {"A": true, "B": 5}}', "invalid", id="true-is-no-integer"),
        pytest.param("[1, 5]", "invalid", id="a-list"),
        pytest.param("", "invalid", id="nothing"),
        pytest.param("NaN", "unparsable", id="not-a-number"),
    ],
)
def test_a_reply_under_a_schema_is_read_strictly(text, expected):
    assert status(text, JSON) == expected


@pytest.mark.parametrize(
    ("structure", "text", "expected"),
    [
        (Structure(kind="choice", text='["yes", "no"]'), "yes", "ok"),
        (Structure(kind="choice", text='["yes", "no"]'), "yes, surely", "unparsable"),
        (Structure(kind="regex", text="[0-9]+"), "42", "ok"),
        (Structure(kind="regex", text="[0-9]+"), "42!", "unparsable"),
    ],
)
def test_choices_and_patterns_hold_for_the_whole_reply(structure, text, expected):
    assert status(text, structure) == expected


def test_free_text_that_declines_is_still_an_answer():
    assert status("I'm sorry, but I can't help with that.") == "ok"


@pytest.mark.parametrize(
    ("reason", "expected"),
    [("length", "truncated"), ("refused", "refused"), ("too_long", "quarantined"), ("rejected", "quarantined")],
)
def test_how_a_reply_ended_goes_before_its_text(reason, expected):
    assert status('{"ratings": {"A": 1, "B": 5}}', JSON, reason) == expected


def test_json_is_read_whole():
    with pytest.raises(ValueError, match="twice"):
        json_value('{"a": {"b": 1, "b": 1}}')
    assert json_value('{"a": 1}') == {"a": 1}


def test_what_nests_too_deeply_is_no_json():
    assert status("[" * 100_000, JSON) == "unparsable"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param('{"a": "\\ud83d"}', ValueError, id="half-a-pair"),
        pytest.param('{"\\uDE00": 1}', ValueError, id="half-a-pair-as-key"),
        pytest.param('{"a": "\\ud83d\\ude00"}', {"a": "\U0001f600"}, id="a-pair"),
        pytest.param('{"a": "\\\\ud83d"}', {"a": "\\ud83d"}, id="an-escaped-backslash"),
    ],
)
def test_half_a_surrogate_pair_is_no_text(text, expected):
    if expected is ValueError:
        with pytest.raises(ValueError, match="surrogates"):
            json_value(text)
    else:
        assert json_value(text) == expected


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999", "-1e999"])
def test_a_number_that_json_does_not_have_is_not_json(number):
    with pytest.raises(ValueError, match=r"is not JSON|too large"):
        json_value(f'{{"rating": {number}}}')
