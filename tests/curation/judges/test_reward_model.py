import pytest

from curation.judges.reward_model import RewardModelJudge
from schemas.calls import Answered


def judge():
    return RewardModelJudge(model="m")


def test_the_model_reads_the_conversation_and_nothing_else(group):
    asked = list(judge().questions(group, 0))
    for question, response in zip(asked, group.responses, strict=True):
        turns = question.request.messages
        assert turns[:-1] == group.prompt.messages
        assert turns[-1] == {"role": "assistant", "content": response.text}


def test_the_request_does_not_depend_on_the_run(group):
    """Rewards are not drawn: another run's seed asks nothing anew."""
    one, other = (next(judge().questions(group, seed)).request.body() for seed in (0, 1))
    assert one == other


@pytest.mark.parametrize(
    ("text", "value", "failure"),
    [
        pytest.param("-1.25", -1.25, None, id="a-number"),
        pytest.param("nan", None, "out_of_range", id="nan"),
        pytest.param("inf", None, "out_of_range", id="infinity"),
        pytest.param("good", None, "unparsable", id="a-word"),
    ],
)
def test_only_a_finite_number_is_a_reward(group, text, value, failure):
    subject = next(judge().questions(group, 0)).subject
    (score,) = judge().read(subject, Answered("c", "ok", text, "stop", None, 0, None))
    assert (score.value, score.failure) == (value, failure)
