import json
from math import log

import pytest

from curation.judges.yes_token import YesToken
from schemas.calls import Answered


def judge(**fields):
    return YesToken(model="m", **fields)


def read(group, logprobs, status="ok"):
    subject = next(judge().questions(group, 0)).subject
    (score,) = judge().read(subject, Answered("c", status, "Yes", "stop", logprobs, 1, None))
    return score


@pytest.mark.parametrize(
    ("said", "value"),
    [
        pytest.param({"Yes": 0.6, "No": 0.2}, 0.75, id="both"),
        pytest.param({"Yes": 0.3, " yes": 0.3, "No": 0.1, "no": 0.1}, 0.75, id="variants-are-summed"),
        pytest.param({"No": 0.9, "Yes": 0.1}, 0.1, id="no"),
        pytest.param({"Yes": 0.5, "Well": 0.25}, 2 / 3, id="a-missing-side-counts-as-the-least-likely"),
    ],
)
def test_the_score_is_the_share_of_yes(group, said, value):
    logprobs = json.dumps([{token: log(p) for token, p in said.items()}])
    assert read(group, logprobs).value == pytest.approx(value)


@pytest.mark.parametrize(
    ("logprobs", "failure"),
    [
        pytest.param(None, "empty", id="no-logprobs"),
        pytest.param('[{"Well": -0.1, "So": -1.0}]', "missing", id="neither"),
        pytest.param("[1]", "unparsable", id="no-objects"),
    ],
)
def test_no_word_is_no_score(group, logprobs, failure):
    score = read(group, logprobs)
    assert (score.value, score.failure) == (None, failure)


def test_each_answer_is_asked_about_alone(group):
    asked = list(judge(question_asked="Is it short?").questions(group, 0))
    assert [question.subject.shown for question in asked] == [(r.response_id,) for r in group.responses]
    assert all("Is it short? Reply" in question.request.messages[0]["content"] for question in asked)
