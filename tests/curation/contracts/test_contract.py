"""What every contract promises."""

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation.contracts import CONTRACTS, NOT_APPLICABLE, UNREAD, LogprobsContract, Reading
from schemas.errors import ConfigError
from tests.curation.contracts.forms import FORMS

EXAMPLE = re.compile(r"Reads `(.+?)`(?: with\s+`(.+?)`)? as\s+`(.+?)`\.", re.DOTALL)

texts = st.text() | st.text(st.characters(exclude_categories=()))  # the latter also halves of surrogate pairs


@pytest.fixture(params=CONTRACTS.classes, scope="module")
def contract(request):
    return CONTRACTS.build({"name": request.param, **FORMS[request.param].settings})


def form_of(contract):
    return FORMS[contract.name]


def test_every_contract_has_a_form():
    assert FORMS.keys() == CONTRACTS.classes.keys()
    assert len(FORMS) >= 9


def test_the_example_in_its_docstring_is_read_as_it_says(contract):
    reply, settings, value = EXAMPLE.search(type(contract).__doc__).groups()
    named = CONTRACTS.build({"name": contract.name, **json.loads(settings or "{}")})
    assert named.read(reply.replace("\\n", "\n")).value == pytest.approx(json.loads(value), abs=1e-4)


def test_its_spec_names_a_version_and_builds_it_again(contract):
    assert contract.spec()["version"]
    assert CONTRACTS.build(contract.spec()) == contract
    with pytest.raises(ConfigError, match="saved by version"):
        CONTRACTS.build(contract.spec() | {"version": "0"})


def test_what_it_gives_is_allowed(contract):
    for reply in form_of(contract).replies:
        reading = contract.read(reply)
        assert reading.failure is None
        assert form_of(contract).allowed(reading.value), reading


@pytest.mark.parametrize("text", ["", " ", "\n\t\n"], ids=repr)
def test_an_empty_reply_has_no_verdict(contract, text):
    assert contract.of_reply(text, "stop", text).failure is not None
    assert contract.of_reply(text, "stop").failure == "empty"
    assert contract.read(text).failure is not None


@pytest.mark.parametrize(("reason", "failure"), UNREAD.items())
def test_a_reply_that_did_not_end_by_itself_is_not_read(contract, reason, failure):
    """Except log-odds: a reply of one token always ends by its length."""
    reply = form_of(contract).replies[0]
    of_one_token = reason == "length" and isinstance(contract, LogprobsContract)
    assert contract.of_reply(reply, reason, reply).failure == (None if of_one_token else failure)


@given(text=texts)
def test_it_never_raises_and_says_the_same_twice(contract, text):
    again = CONTRACTS.build(contract.spec())
    assert contract.read(text) == again.read(text)
    assert contract.of_reply(text, "stop", text) == again.of_reply(text, "stop", text)


@given(text=texts)
def test_a_text_without_its_form_has_no_verdict(contract, text):
    reading = contract.read(form_of(contract).scrubbed(text))
    assert reading.failure is not None


@given(data=st.data(), before=st.text(max_size=200), after=st.text(max_size=20))
def test_whatever_stands_around_a_verdict_it_gives_only_what_is_allowed(contract, data, before, after):
    reply = data.draw(st.sampled_from(form_of(contract).replies))
    reading = contract.read(f"{before}{reply}{after}")
    assert reading.failure or not reading.applies or form_of(contract).allowed(reading.value)


def test_a_reply_is_never_run_as_code(contract, tmp_path):
    touched = tmp_path / "touched"
    for code in (
        f"__import__('pathlib').Path({str(touched)!r}).touch()",
        f"open({str(touched)!r}, 'w')",
        "4+4",
        "9**9",
    ):
        for reply in (code, f"Overall score: {code}", f"<answer>{code}</answer>", f"[[{code}]]", f"Winner: {code}"):
            assert contract.of_reply(reply, "stop", reply).failure is not None
    assert not touched.exists()


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("[" * 20_000, id="brackets"),
        pytest.param('{"a":' * 20_000, id="objects-that-never-close"),
        pytest.param("<answer>" * 20_000, id="tags-that-never-close"),
        pytest.param('{"' + '\\"' * 50_000, id="quotes"),
        pytest.param("9" * 20_000, id="digits"),
        pytest.param('[{"Yes": ' + "9" * 4_000 + ', "No": -1}]', id="a-number-too-large"),
        pytest.param("that, " * 20_000 + "Output (a) is better if", id="clauses"),
        pytest.param("." * 100_000, id="dots"),
    ],
)
@pytest.mark.timeout(20)
def test_a_reply_gone_wild_is_a_failure_and_takes_no_time(contract, text):
    assert contract.of_reply(text, "stop", text).failure is not None


def test_a_reading_is_a_value_a_failure_or_not_applicable():
    assert (NOT_APPLICABLE.value, NOT_APPLICABLE.failure) == (None, None)
    assert Reading(value=0).failure is None
    for facts in ({}, {"value": 1, "failure": "missing"}, {"value": 1, "applies": False}):
        with pytest.raises(ValueError, match="exactly one"):
            Reading(**facts)
