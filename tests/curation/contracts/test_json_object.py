import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation.contracts.json_object import JsonObject

DONT = '{"why": "B doesn\'t, and it\'s \'late\'", "A": 4}'


@pytest.mark.parametrize(
    ("text", "value", "how"),
    [
        pytest.param('{"A": 1, "B": [2, null]}', {"A": 1, "B": [2, None]}, "ok", id="valid"),
        pytest.param('\n {"A": 1} ', {"A": 1}, "ok", id="space-around-it"),
        pytest.param('{"A": 1, "B": [2, 3,],\n}', {"A": 1, "B": [2, 3]}, "repaired", id="trailing-commas"),
        pytest.param(DONT, {"why": "B doesn't, and it's 'late'", "A": 4}, "ok", id="apostrophes"),
        pytest.param('{"why": "B doesn\'t",}', {"why": "B doesn't"}, "repaired", id="an-apostrophe-and-a-comma"),
        pytest.param('{"why": "say \\", }\\" so",}', {"why": 'say ", }" so'}, "repaired", id="a-comma-in-a-string"),
        pytest.param(f"Here it's:\n{DONT}\nThat's all.", json.loads(DONT), "bracketed", id="prose-around-it"),
        pytest.param('```json\n{"A": 1}\n```', {"A": 1}, "bracketed", id="a-code-fence"),
        pytest.param('So: {"A": 1,}', {"A": 1}, "bracketed", id="prose-and-a-comma"),
        pytest.param('{"A": 1} {"A":1}', {"A": 1}, "bracketed", id="the-same-twice"),
        pytest.param('In {x} and \\frac{1}{2}: {"A": "}{"}', {"A": "}{"}, "bracketed", id="braces-that-are-no-object"),
    ],
)
def test_the_ladder(text, value, how):
    reading = JsonObject().read(text)
    assert (reading.value, reading.failure, reading.how) == (value, None, how)


@pytest.mark.parametrize(
    ("text", "failure"),
    [
        pytest.param('{"A": 1, "B": ', "unparsable", id="cut"),
        pytest.param('{"A": {"x": 1}, "B"', "unparsable", id="the-inside-of-one-that-was-cut"),
        pytest.param('So: {"A": "1}', "unparsable", id="cut-in-a-string"),
        pytest.param('{"A": {"x": 1}, B: 2}', "unparsable", id="the-inside-of-a-broken-one"),
        pytest.param("{'A': {\"x\": 1}, 'B'", "unparsable", id="the-inside-of-a-cut-one-in-single-quotes"),
        pytest.param("{'A': {\"x\": 1}}", "missing", id="the-inside-of-one-in-single-quotes"),
        pytest.param("{'A': 1}", "missing", id="single-quotes-are-not-repaired"),
        pytest.param('{"A": 1, "A": 2}', "repeated_key", id="a-key-twice"),
        pytest.param('{"A": {"x": 1, "x": 1}}', "repeated_key", id="a-key-twice-inside"),
        pytest.param('{"A": 1, "A": 2,}', "repeated_key", id="a-key-twice-and-a-comma"),
        pytest.param('So: {"A": 1, "A": 2}', "repeated_key", id="a-key-twice-in-prose"),
        pytest.param('{"A": 1} or {"A": 2}', "contradictory", id="two-objects"),
        pytest.param('{"A": 1} or {"A": 1.0}', "contradictory", id="equal-numbers-of-two-kinds"),
        pytest.param('{"A": NaN}', "unparsable", id="nan"),
        pytest.param('{"A": -Infinity}', "unparsable", id="infinity"),
        pytest.param('{"A": 1e999}', "unparsable", id="infinity-in-digits"),
        pytest.param('So: {"A": NaN}', "unparsable", id="nan-in-prose"),
        pytest.param('{"A": "\\ud800"}', "unparsable", id="half-a-surrogate-pair"),
        pytest.param('[{"A": 1}]', "unparsable", id="a-list"),
        pytest.param('"A"', "unparsable", id="a-string"),
        pytest.param("5", "unparsable", id="a-number"),
        pytest.param("{}", "missing", id="an-empty-object"),
        pytest.param("A is better", "missing", id="prose"),
    ],
)
def test_what_is_no_verdict(text, failure):
    reading = JsonObject().read(text)
    assert (reading.value, reading.failure) == (None, failure)


def test_keys_that_must_be_there():
    contract = JsonObject(keys=("scores", "ranking"))
    assert contract.read('{"scores": {}, "ranking": [], "more": 1}').failure is None
    assert contract.read('{"scores": {}}').failure == "missing"


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
objects = st.dictionaries(st.text(), values, min_size=1, max_size=4)


@given(objects, st.booleans())
def test_every_object_comes_back(value, ascii_only):
    reading = JsonObject().read(json.dumps(value, ensure_ascii=ascii_only))
    assert (reading.value, reading.how) == (value, "ok")


@given(objects, st.text().filter(lambda prose: not {"{", "}"} & set(prose)))
def test_every_object_comes_back_out_of_prose(value, prose):
    reading = JsonObject().read(f"It's: {prose}\n{json.dumps(value)}\n{prose}")
    assert (reading.value, reading.how) == (value, "bracketed")


@given(objects, st.data())
def test_no_part_of_an_object_is_an_object(value, data):
    whole = json.dumps(value)
    cut = whole[: data.draw(st.integers(0, len(whole) - 1))]
    assert JsonObject().read(cut).failure is not None
