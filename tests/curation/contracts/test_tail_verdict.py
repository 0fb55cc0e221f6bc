import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation.contracts import CONTRACTS
from curation.contracts.tail_verdict import TailVerdict
from schemas.errors import ConfigError


@pytest.mark.parametrize(
    ("text", "value", "failure"),
    [
        pytest.param("Reasons. <answer>[[A]]</answer>", "A", None, id="one-tag"),
        pytest.param("[[B]]\n\n", "B", None, id="the-tag-alone"),
        pytest.param("[[B]] it is: [[B]]", "B", None, id="the-same-twice"),
        pytest.param("[[A]] or [[B]]", None, "contradictory", id="two-tags"),
        pytest.param("[[A]] or [[D]]", None, "contradictory", id="one-of-two-is-unknown"),
        pytest.param("A is better", None, "missing", id="no-tag"),
        pytest.param("[A]", None, "missing", id="single-brackets"),
        pytest.param("[[D]]", None, "unparsable", id="an-unknown-label"),
        pytest.param("[[a]]", None, "unparsable", id="another-case"),
        pytest.param("[[ A ]]", None, "unparsable", id="space-inside"),
        pytest.param("[[A]]" + "x" * 76, None, "missing", id="cut-by-the-tail"),
        pytest.param("[[A]]" + "x" * 75, "A", None, id="at-the-edge-of-the-tail"),
        pytest.param("[[A]]" + "x" * 200, None, "missing", id="only-before-the-tail"),
        pytest.param("[[A]]" + "x" * 200 + "[[B]]", "B", None, id="what-stands-before-the-tail-does-not-count"),
        pytest.param("[[C]]", None, "unparsable", id="no-tie-unless-it-has-a-label"),
    ],
)
def test_the_tail_holds_one_label(text, value, failure):
    reading = TailVerdict().read(text)
    assert (reading.value, reading.failure) == (value, failure)


def test_a_tie_has_a_label_of_its_own():
    contract = TailVerdict(labels=("A_3f", "B_3f"), tie="C_3f")
    assert [contract.read(f"[[{said}]]").value for said in ("A_3f", "B_3f", "C_3f", "A", "tie")] == [
        "A_3f", "B_3f", "tie", None, None,
    ]  # fmt: skip


@given(st.text(), st.sampled_from("AB"), st.integers(0, 200))
def test_where_the_tag_stands_decides(before, label, distance):
    reading = TailVerdict().read(f"{before.replace('[', '')}[[{label}]]{'.' * distance}")
    assert reading.value == (label if distance <= 75 else None)


@pytest.mark.parametrize(
    "settings",
    [{"labels": ["A"]}, {"labels": ["A", "A"]}, {"tie": "A"}, {"labels": ["A", ""]}, {"labels": ["A", "tie"]}],
    ids=str,
)
def test_labels_that_cannot_be_told_apart_are_refused(settings):
    with pytest.raises(ConfigError):
        CONTRACTS.build({"name": "tail_verdict", **settings})
