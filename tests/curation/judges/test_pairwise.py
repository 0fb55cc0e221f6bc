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
        pytest.param('{"verdict": "A"} or {"verdict": "B"}', "contradictory", id="both"),
    ],
)
def test_anything_else_is_a_failure_and_no_guess(group, reply, said, failure):
    subject = next(judge().questions(group, seed=0)).subject
    (vote,) = judge().read(subject, reply(with_nonce(said, subject)))
    assert (vote.verdict, vote.failure) == (None, failure)


@pytest.mark.parametrize(
    ("said", "strength"),
    [
        pytest.param('{"verdict": "A", "strength": 3}', 3, id="much-better"),
        pytest.param('{"verdict": "B", "strength": 1}', 1, id="slightly-better"),
        pytest.param('{"verdict": "tie", "strength": 0}', 0, id="tie"),
    ],
)
def test_a_strength_is_kept_with_its_justification(group, reply, said, strength):
    subject = next(judge(strength=True).questions(group, seed=0)).subject
    text = with_nonce(said, subject).replace("{", '{"rationale": "Because.", ', 1)
    (vote,) = judge(strength=True).read(subject, reply(text))
    assert (vote.strength, vote.justification, vote.failure) == (strength, "Because.", None)


@pytest.mark.parametrize(
    "said",
    [
        pytest.param('{"verdict": "A", "strength": 4}', id="too-much"),
        pytest.param('{"verdict": "A", "strength": 0}', id="a-winner-by-nothing"),
        pytest.param('{"verdict": "tie", "strength": 2}', id="a-tie-by-something"),
        pytest.param('{"verdict": "A", "strength": true}', id="a-boolean"),
        pytest.param('{"verdict": "A", "strength": -1}', id="negative"),
        pytest.param('{"verdict": "A"}', id="missing"),
    ],
)
def test_a_strength_off_the_scale_is_a_failure(group, reply, said):
    subject = next(judge(strength=True).questions(group, seed=0)).subject
    (vote,) = judge(strength=True).read(subject, reply(with_nonce(said, subject)))
    assert (vote.verdict, vote.strength, vote.failure) == (None, None, "strength_out_of_range")


def test_a_plain_judge_asks_for_no_strength(group):
    plain, strong = (next(judge(strength=asked).questions(group, 0)).request for asked in (False, True))
    assert "strength" not in plain.messages[0]["content"] + plain.structure.text
    assert "strength" in strong.messages[0]["content"] and "strength" in strong.structure.text


def test_one_order_on_request(group):
    both = [question.subject.shown for question in judge().questions(group, 0)]
    one = [question.subject.shown for question in judge(both_orders=False).questions(group, 0)]
    assert one == both[::2]


def test_several_replies_to_a_question_are_several_calls(group):
    """voting@k: the same text, another seed."""
    voting = judge(samples=3, sampling={"temperature": 0.7}, comparisons_per_prompt=1)
    asked = [question.request for question in voting.asked(group, 0)]
    assert len(asked) == 6
    assert len({request.seed for request in asked}) == 6
    assert len({request.messages[0]["content"] for request in asked}) == 2
