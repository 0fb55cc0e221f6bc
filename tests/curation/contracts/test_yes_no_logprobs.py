import json
from math import exp, log

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation.contracts import CONTRACTS
from curation.contracts.label_logprobs import LabelLogprobs
from curation.contracts.yes_no_logprobs import YesNoLogprobs
from schemas.errors import ConfigError


def reading(listed, **settings):
    return YesNoLogprobs(**settings).read(json.dumps([listed]))


@pytest.mark.parametrize(
    ("listed", "r"),
    [
        pytest.param({"Yes": log(0.6), "No": log(0.3), "Well": log(0.1)}, log(2), id="two-to-one"),
        pytest.param(
            {"Yes": log(0.5), " yes": log(0.1), "NO": log(0.2), "\nno": log(0.1)}, log(2), id="variants-add-up"
        ),
        pytest.param({"Yes": log(0.5), "Well": log(0.3), "So": log(0.02)}, log(25), id="no-is-not-listed"),
        pytest.param({"No": log(0.5), "Well": log(0.3), "So": log(0.02)}, -log(25), id="yes-is-not-listed"),
        pytest.param({"Yes": -0.001, "No": -60.0}, 20.0, id="clipped-above"),
        pytest.param({"Yes": -60.0, "No": -0.001}, -20.0, id="clipped-below"),
        pytest.param({"Yes": -1.0, "No": -1.0}, 0.0, id="even"),
        pytest.param({"Yes": -1.0, "Nope": -2.0, "Yesterday": -3.0}, 2.0, id="other-words-count-for-neither"),
        pytest.param({"Yes": -1.0, "Well": -2.0, "No": -9999.0}, 1.0, id="what-cannot-come-is-not-listed"),
    ],
)
def test_the_log_odds_of_yes(listed, r):
    assert reading(listed).value == pytest.approx(r)


@pytest.mark.parametrize(
    ("text", "failure"),
    [
        pytest.param('[{"Well": -0.1, "So": -2.0}]', "missing", id="neither-is-listed"),
        pytest.param('[{"Yes": -0.1}]', "missing", id="nothing-beside-it-is-listed"),
        pytest.param('[{"Yes": -Infinity, "No": NaN}]', "missing", id="neither-can-come"),
        pytest.param("[]", "missing", id="no-token"),
        pytest.param("[{}]", "missing", id="no-alternative"),
        pytest.param('[{"Yes": -1.0, "No": -1.5, "Yes": -2.0}]', "repeated_key", id="a-token-twice"),
        pytest.param('{"Yes": -1.0, "No": -2.0}', "unparsable", id="no-list"),
        pytest.param('[["Yes", -1.0]]', "unparsable", id="no-objects"),
        pytest.param('[{"Yes": "-1.0", "No": -2.0}]', "unparsable", id="a-string"),
        pytest.param('[{"Yes": true, "No": -2.0}]', "unparsable", id="a-truth-value"),
        pytest.param("Yes", "unparsable", id="the-text-itself"),
    ],
)
def test_what_has_no_log_odds(text, failure):
    found = YesNoLogprobs().read(text)
    assert (found.value, found.failure) == (None, failure)


def test_a_reply_of_one_token_ends_by_its_length_and_is_read():
    contract = YesNoLogprobs()
    assert contract.of_reply("Yes", "length", '[{"Yes": -1.0, "No": -2.0}]').value == pytest.approx(1.0)
    assert contract.of_reply("Yes", "length").failure == "empty"


tokens = st.sampled_from(["Yes", " Yes", "yes", "YES\n", "No", " no", "NO", "Well", "So", "\n", "Yesterday", ""])
listings = st.dictionaries(tokens, st.floats(-30, 0), max_size=12)


@given(listings)
def test_swapping_the_two_answers_negates_the_log_odds(listed):
    one, other = reading(listed), reading(listed, yes="No", no="Yes")
    assert one.failure == other.failure
    if one.value is not None:
        assert other.value == pytest.approx(-one.value, abs=1e-9)


@given(listings, st.floats(-50, 50))
def test_a_constant_on_all_logits_changes_nothing(listed, shift):
    one, other = reading(listed), reading({token: logprob + shift for token, logprob in listed.items()})
    assert one.failure == other.failure
    if one.value is not None:
        assert other.value == pytest.approx(one.value, abs=1e-9)


@given(listings)
def test_the_log_odds_are_those_of_the_summed_probabilities(listed):
    yes, no = (sum(exp(p) for token, p in listed.items() if token.strip().lower() == word) for word in ("yes", "no"))
    if yes and no:
        assert reading(listed, limit=100).value == pytest.approx(log(yes / no), abs=1e-9)


@given(listings)
def test_labels_of_one_token_are_read_as_yes_and_no_are(listed):
    """Two readers, one rule. Parts of words, which only labels of several tokens need, are left out."""
    assert LabelLogprobs(labels=("Yes", "No")).read(json.dumps([listed])) == reading(listed)


@pytest.mark.parametrize("settings", [{"yes": "no "}, {"no": " "}], ids=str)
def test_answers_that_cannot_be_told_apart_are_refused(settings):
    with pytest.raises(ConfigError, match="differ"):
        CONTRACTS.build({"name": "yes_no_logprobs", **settings})
