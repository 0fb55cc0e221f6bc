import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation.contracts.signed_strength import SignedStrength

MINUS = "\N{MINUS SIGN}"


@pytest.mark.parametrize(
    ("said", "value", "failure"),
    [
        pytest.param(f"{MINUS}3", -3, None, id="unicode-minus"),
        pytest.param("-3", -3, None, id="hyphen"),
        pytest.param("+2", 2, None, id="plus"),
        pytest.param("2", 2, None, id="no-sign"),
        pytest.param("0", 0, None, id="a-zero-that-was-given"),
        pytest.param("10", None, "out_of_range", id="10-is-not-1"),
        pytest.param("-4", None, "out_of_range", id="below"),
        pytest.param("3/5", None, "unparsable", id="3-of-5-is-not-5"),
        pytest.param("2.5", None, "unparsable", id="a-half"),
        pytest.param("--2", None, "unparsable", id="two-signs"),
        pytest.param("- 2", None, "unparsable", id="a-space-inside"),
        pytest.param("A is better by 2", None, "unparsable", id="prose"),
        pytest.param("", None, "unparsable", id="nothing"),
    ],
)
def test_the_tag_holds_the_number_alone(said, value, failure):
    reading = SignedStrength().read(f"<think>B has 3/5 and A 10.</think>\n<answer> {said}\n</answer>")
    assert (reading.value, reading.failure) == (value, failure)


@pytest.mark.parametrize(
    "text",
    ["", "2", "The answer is 0.", "<answer>2", "2</answer>", "<Answer>2</Answer>", "<answer >2</answer>"],
    ids=repr,
)
def test_a_strength_that_is_missing_is_a_failure_and_no_tie(text):
    reading = SignedStrength().read(text)
    assert (reading.value, reading.failure) == (None, "missing")


@pytest.mark.parametrize(
    ("text", "value", "failure"),
    [
        pytest.param("<answer>2</answer> or <answer>-2</answer>", None, "contradictory", id="two-verdicts"),
        pytest.param("<answer>+2</answer>, so <answer>2</answer>", 2, None, id="the-same-twice"),
        pytest.param("<answer>n</answer> means <answer>2</answer>", None, "contradictory", id="one-is-no-number"),
        pytest.param("I answer in <answer>. <answer>2</answer>", 2, None, id="a-tag-that-is-only-named"),
    ],
)
def test_two_tags_must_agree(text, value, failure):
    reading = SignedStrength().read(text)
    assert (reading.value, reading.failure) == (value, failure)


@given(st.integers(-30, 30), st.integers(1, 9), st.sampled_from(["", "+"]))
def test_every_strength_comes_back_and_no_other(strength, most, plus):
    said = f"{plus if strength >= 0 else ''}{strength}".replace("-", MINUS)
    assert SignedStrength(most=most).read(f"<answer>{said}</answer>").value == (
        strength if abs(strength) <= most else None
    )
