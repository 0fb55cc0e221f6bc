import pytest

from curation.judges.pairwise import Pairwise


def with_nonce(said, subject):
    """A and B as the labels of this question."""
    for letter, label in zip("AB", subject.labels, strict=True):
        said = said.replace(f'"{letter}"', f'"{label}"')
    return said.replace('"tie"', f'"{subject.tie}"')


def judge(**fields):
    return Pairwise(model="m", **fields)


def test_every_pair_is_asked_in_both_orders(group):
    asked = list(judge().questions(group, seed=0))
    assert len(asked) == 12
    for one, other in zip(asked[::2], asked[1::2], strict=True):
        assert one.subject.shown == other.subject.shown[::-1]
        assert one.request != other.request


def test_fewer_comparisons_are_a_part_of_more(group):
    few = {frozenset(question.subject.shown) for question in judge(comparisons_per_prompt=2).questions(group, seed=0)}
    more = {frozenset(question.subject.shown) for question in judge(comparisons_per_prompt=4).questions(group, seed=0)}
    assert len(few) == 2
    assert few < more


@pytest.mark.parametrize(
    ("said", "winner"),
    [
        pytest.param('{"verdict": "A"}', 0, id="the-first-shown"),
        pytest.param('{"verdict": "B"}', 1, id="the-second-shown"),
        pytest.param('{"rationale": "B is bad", "verdict": "A"}', 0, id="with-reasons"),
    ],
)
def test_the_verdict_goes_to_the_answer_under_the_label(group, reply, said, winner):
    for question in judge().questions(group, seed=0):
        (vote,) = judge().read(question.subject, reply(with_nonce(said, question.subject)))
        won = vote.response_a if vote.verdict == "a" else vote.response_b
        assert won == question.subject.shown[winner]
        assert vote.shown_first == question.subject.shown[0]


def test_a_tie_is_a_verdict(group, reply):
    subject = next(judge().questions(group, seed=0)).subject
    (vote,) = judge().read(subject, reply(with_nonce('{"verdict": "tie"}', subject)))
    assert (vote.verdict, vote.failure) == ("tie", None)


@pytest.mark.parametrize(
    ("said", "failure"),
    [
        pytest.param('{"verdict": "C"}', "unknown_verdict", id="a-label-nobody-has"),
        pytest.param('{"verdict": null}', "unknown_verdict", id="null"),
        pytest.param('{"winner": "A"}', "unknown_verdict", id="another-key"),
        pytest.param("A", "unparsable", id="a-bare-letter"),
        pytest.param('I say {"verdict": "A"}', "unparsable", id="json-inside-prose"),
    ],
)
def test_anything_else_is_a_failure_and_no_guess(group, reply, said, failure):
    subject = next(judge().questions(group, seed=0)).subject
    (vote,) = judge().read(subject, reply(with_nonce(said, subject)))
    assert (vote.verdict, vote.failure) == (None, failure)
