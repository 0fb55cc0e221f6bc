import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation.contracts.final_line import FinalLine


@pytest.mark.parametrize(
    ("text", "value", "failure"),
    [
        pytest.param("A names a source.\n\nWinner: A\n", "A", None, id="the-last-line"),
        pytest.param("WINNER :  B", "B", None, id="case-and-space-around-the-colon"),
        pytest.param("Winner: A\nSo.\nWinner: A", "A", None, id="the-same-twice"),
        pytest.param("Winner: A\nWinner: B", None, "contradictory", id="two-lines-two-winners"),
        pytest.param("Winner: A and B", None, "contradictory", id="both-named"),
        pytest.param("Winner: A/B", None, "contradictory", id="both-named-with-a-bar"),
        pytest.param("Winner: A\nBecause it is short.", None, "missing", id="not-the-last-line"),
        pytest.param("A is the winner", None, "missing", id="in-prose"),
        pytest.param("The winner: A", None, "missing", id="not-the-whole-line"),
        pytest.param("Winner: C", None, "unparsable", id="an-unknown-label"),
        pytest.param("Winner:", None, "unparsable", id="nobody"),
        pytest.param("Winner: A, clearly", None, "unparsable", id="more-than-a-label"),
        pytest.param("Winner: a", None, "unparsable", id="another-case"),
        pytest.param("Winner: tie", None, "unparsable", id="no-tie-unless-it-has-a-label"),
    ],
)
def test_the_last_line_names_the_winner(text, value, failure):
    reading = FinalLine().read(text)
    assert (reading.value, reading.failure) == (value, failure)


def test_labels_and_the_word_are_settings():
    contract = FinalLine(word="Verdict", labels=("Response A", "Response B"), tie="A tie")
    said = ["Verdict: Response B", "Verdict: A tie", "Verdict: Response A and Response B", "Winner: Response A"]
    assert [contract.read(line).value for line in said] == ["Response B", "tie", None, None]


@given(st.text(), st.sampled_from("AB"))
def test_no_prose_before_it_hides_the_winner(before, label):
    prose = before.replace(":", "")
    assert FinalLine().read(f"{prose}\nWinner: {label}").value == label
