import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation.contracts import CONTRACTS
from curation.contracts.label_logprobs import LabelLogprobs
from schemas.errors import ConfigError

OUTPUTS = ("Output (a)", "Output (b)")
CODED = ("A_3f", "B_3f")


@pytest.mark.parametrize(
    ("labels", "positions", "r"),
    [
        pytest.param(("A", "B"), [{"A": -0.5, "B": -1.0}], 0.5, id="one-token"),
        pytest.param(("A", "B"), [{" A": -0.5, "b": -1.0}], 0.5, id="case-and-space"),
        pytest.param(("A", "B"), [{"A": -0.5, "An": -0.1, "C": -2.0}], 1.5, id="a-word-that-begins-like-a-label"),
        pytest.param(("A", "B"), [{"\n": -0.1, "A": -3.0, "B": -5.0}], 2.0, id="space-before-it-is-likelier"),
        pytest.param(("A", "B"), [{"\n": -0.1, " ": -3.0}, {"A": -0.5, "B": -1.0}], 0.5, id="after-a-line-break"),
        pytest.param(CODED, [{"A": -0.5, "B": -1.0}, {"_": -0.0, "x": -9.0}], 0.5, id="they-part-in-the-first-token"),
        pytest.param(
            OUTPUTS,
            [{"Output": -0.1, "The": -3.0}, {" (": -0.1, ":": -4.0}, {"a": -1.0, "b": -0.4}],
            -0.6,
            id="they-part-late",
        ),
        pytest.param(OUTPUTS, [{"Output (": -0.1, "The": -3.0}, {"a)": -1.0, "b)": -0.4}], -0.6, id="other-tokens"),
        pytest.param(OUTPUTS, [{"Output (a)": -1.0, "Output (b)": -0.4}], -0.6, id="a-label-in-one-token"),
    ],
)
def test_the_log_odds_where_the_labels_part(labels, positions, r):
    assert LabelLogprobs(labels=labels).read(json.dumps(positions)).value == pytest.approx(r)


@pytest.mark.parametrize(
    "positions",
    [
        pytest.param([{"Output": -0.1, "The": -3.0}, {}, {" (a": -1.0, " (b": -0.4}], id="a-token-is-not-listed"),
        pytest.param([{"The": -0.1, "Output": -3.0}, {"a": -1.0, "b": -0.4}], id="the-reply-says-something-else"),
        pytest.param([{"Output": -0.1, "The": -3.0}], id="the-reply-ends-before-they-part"),
        pytest.param([{"Output": -0.1, "The": -3.0}, {" c": -0.1, " d": -3.0}], id="neither-label"),
        pytest.param([{}, {"a": -1.0, "b": -0.4}], id="no-alternative"),
        pytest.param([], id="no-token"),
    ],
)
def test_a_reply_that_goes_another_way_has_no_verdict(positions):
    assert LabelLogprobs(labels=OUTPUTS).read(json.dumps(positions)).failure == "missing"


@given(st.lists(st.dictionaries(st.sampled_from(["A", "B", "_3f", "A_", "", " ", "x"]), st.floats(-30, 0)), max_size=3))
def test_swapping_the_labels_negates_the_log_odds(positions):
    one, other = (LabelLogprobs(labels=labels).read(json.dumps(positions)) for labels in (CODED, CODED[::-1]))
    assert one.failure == other.failure
    if one.value is not None:
        assert other.value == pytest.approx(-one.value, abs=1e-9)


@pytest.mark.parametrize("labels", [("A", "a "), ("A", "AB"), ("", "B")], ids=str)
def test_labels_that_cannot_be_told_apart_are_refused(labels):
    with pytest.raises(ConfigError, match="told apart"):
        CONTRACTS.build({"name": "label_logprobs", "labels": labels})
