import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation.contracts.output_a_or_b import OutputAOrB

CONTESTED = "In terms of style, Output (a) is better. What counts is truth. Therefore, Output (b) is better."


@pytest.mark.parametrize(
    ("text", "value"),
    [
        pytest.param("It is short. Therefore, Output (a) is better.", "first", id="after-reasons"),
        pytest.param("Output (b) is better.\n\nOutput (a) strays.", "second", id="before-reasons"),
        pytest.param("Therefore, Output (b) is better", "second", id="no-full-stop"),
        pytest.param("Output (b) is better because it doesn't stray.", "second", id="with-its-reason"),
        pytest.param("Output (b) is better than Output (a).", "second", id="a-comparison"),
        pytest.param("Neither is perfect, but **Output (a)** is better.", "first", id="in-bold"),
        pytest.param("Even if both are right, Output (a) is better.", "first", id="a-concession"),
        pytest.param("I believe that Output (b) is better.", "second", id="as-a-belief"),
        pytest.param("Output (a) is better in style, but Output (b) is better overall.", "second", id="one-is-partial"),
        pytest.param('"Therefore, Output (a) is better."', "first", id="all-of-it-in-quotes"),
        pytest.param("Output (a)", "first", id="the-answer-alone"),
        pytest.param(" **Output (b).**\n", "second", id="the-answer-alone-in-bold"),
        pytest.param("Output (b)\n\nExplanation: it is short.", "second", id="the-answer-first"),
        pytest.param("My answer:\nOutput (b)", "second", id="the-answer-last"),
    ],
)
def test_a_verdict_is_claimed_or_stands_alone(text, value):
    reading = OutputAOrB().read(text)
    assert (reading.value, reading.how) == (value, "ok")


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("Output (a) and Output (b) are equally good.", id="both-are-good"),
        pytest.param("Output (a) is not better.", id="negated"),
        pytest.param("I do not think that Output (a) is better.", id="a-negated-belief"),
        pytest.param("It is not true that, overall, Output (a) is better.", id="denied"),
        pytest.param("If brevity counts, Output (a) is better.", id="a-condition-before"),
        pytest.param("Output (a) is better if brevity counts.", id="a-condition-after"),
        pytest.param("Output (a) is better, but only if brevity counts.", id="a-late-condition"),
        pytest.param("Is it so that overall, Output (a) is better?", id="a-question"),
        pytest.param("Either Output (a) is better or Output (b) is better.", id="an-alternative"),
        pytest.param("Output (a) is better suited to children.", id="better-at-something"),
        pytest.param('You asked for "Therefore, Output (a) is better." verbatim.', id="the-wording-of-the-task"),
        pytest.param("Output (a)\nIt is long.\nOutput (b)\nIt is short.", id="headings"),
        pytest.param("Output (a):\nIt is long.", id="a-heading"),
        pytest.param("Output (a) provides more detail.", id="a-line-that-begins-so"),
        pytest.param("Output (c) is better.", id="an-unknown-letter"),
        pytest.param("The first one is better.", id="other-words"),
    ],
)
def test_what_is_no_verdict(text):
    reading = OutputAOrB().read(text)
    assert (reading.value, reading.failure) == (None, "missing")


@pytest.mark.parametrize(
    ("contested", "value", "failure"),
    [("first", "first", None), ("last", "second", None), ("fail", None, "contradictory")],
)
def test_two_verdicts_are_resolved_as_the_setting_says_and_never_read_as_ok(contested, value, failure):
    reading = OutputAOrB(contested=contested).read(CONTESTED)
    assert (reading.value, reading.failure) == (value, failure)
    assert reading.how == ("ok" if failure else "repaired")


@given(st.lists(st.sampled_from("ab"), min_size=1, max_size=5), st.sampled_from(["first", "last", "fail"]))
def test_renaming_the_outputs_renames_the_verdict(letters, contested):
    """The reader favours neither letter: `(a)` wins no more by default than `(b)` does."""
    contract = OutputAOrB(contested=contested)
    one, other = (
        contract.read(" ".join(f"So, Output ({letter}) is better." for letter in said))
        for said in (letters, ["ab"["ba".index(letter)] for letter in letters])
    )
    assert one.failure == other.failure
    assert {one.value, other.value} in ({"first", "second"}, {None})
