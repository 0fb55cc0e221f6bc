import pytest

from curation.judges.reasoning import Reasoning


def judge(**fields):
    return Reasoning(model="m", **fields)


LONG = "Here is why. " * 20


@pytest.mark.parametrize(
    ("said", "winner"),
    [
        pytest.param("[[{A}]]", 0, id="bare"),
        pytest.param("<type>chat</type> " + LONG + "[[{B}]]", 1, id="after-reasons"),
        pytest.param("[[{A}]] was my first thought. " + LONG + "[[{B}]]", 1, id="an-earlier-tag-does-not-count"),
        pytest.param("[[{B}]]\n\n", 1, id="white-space-after-it"),
    ],
)
def test_the_verdict_stands_at_the_end(group, reply, said, winner):
    for question in judge().questions(group, 0):
        subject = question.subject
        a, b = subject.labels
        (vote,) = judge().read(subject, reply(said.format(A=a, B=b)))
        assert (vote.response_a if vote.verdict == "a" else vote.response_b) == subject.shown[winner]
        assert vote.justification == said.format(A=a, B=b)


@pytest.mark.parametrize(
    ("said", "failure"),
    [
        pytest.param("[[{A}]] [[{B}]]", "contradictory", id="two-tags"),
        pytest.param("{A} is better", "missing", id="no-tag"),
        pytest.param("[[{A}]] " + LONG, "missing", id="tag-before-the-tail"),
        pytest.param("[[A]]", "unparsable", id="without-the-nonce"),
        pytest.param("[[tie]]", "unparsable", id="there-is-no-tie"),
    ],
)
def test_anything_else_is_a_failure(group, reply, said, failure):
    subject = next(judge().questions(group, 0)).subject
    a, b = subject.labels
    (vote,) = judge().read(subject, reply(said.format(A=a, B=b)))
    assert (vote.verdict, vote.failure) == (None, failure)


def test_the_order_does_not_depend_on_the_place_in_the_data(group):
    """Whether the answer with the smaller id is shown first is drawn by hash, and both orders are asked."""
    asked = list(judge().questions(group, 0))
    first = [question.subject.shown[0] < question.subject.shown[1] for question in asked]
    assert first[::2] == [not one for one in first[1::2]]
    assert len(set(first[::2])) == 2
