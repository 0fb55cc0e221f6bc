import json
from dataclasses import replace

import pytest

from curation.judges.critique import Critique


def judge(**fields):
    return Critique(model="m", **fields)


def ask(group):
    return next(judge().questions(group, 0))


@pytest.mark.parametrize("value", [1, 10, 8.5, 7])
def test_a_number_on_the_scale_is_the_score(group, reply, value):
    """A bare 1 stays 1, and a half is not cut."""
    subject = ask(group).subject
    (label,) = subject.labels
    (score,) = judge().read(subject, reply(json.dumps({"critique": "Say why.", label: value})))
    assert (score.value, score.failure, score.rationale) == (value, None, "Say why.")
    assert (score.aspect, score.scale_lo, score.scale_hi) == ("overall", 1, 10)


@pytest.mark.parametrize("value", [0, 11, True, None, "8", "__import__('os').system('true')", [8]])
def test_anything_else_is_a_failure(group, reply, value):
    subject = ask(group).subject
    (label,) = subject.labels
    (score,) = judge().read(subject, reply(json.dumps({"critique": "x", label: value})))
    assert (score.value, score.failure) == (None, "out_of_range")


def test_a_number_without_end_is_no_score(group, reply):
    subject = ask(group).subject
    (label,) = subject.labels
    (score,) = judge().read(subject, reply(json.dumps({"critique": "x", label: float("inf")})))
    assert (score.value, score.failure) == (None, "unparsable")


def test_a_score_under_another_name_counts_for_nothing(group, reply):
    (score,) = judge().read(ask(group).subject, reply('{"critique": "x", "A": 9}'))
    assert score.failure == "wrong_labels"


def test_the_judge_sees_the_principle_under_which_the_answer_was_written(group):
    told = replace(group.responses[0], principle="honesty", principle_text="Say how sure you are.")
    asked = list(judge().questions(replace(group, responses=(told, *group.responses[1:])), 0))
    texts = {question.subject.shown[0]: question.request.messages[0]["content"] for question in asked}
    assert len(asked) == len(group.responses)
    assert [shown for shown, text in texts.items() if "Say how sure you are." in text] == [told.response_id]
