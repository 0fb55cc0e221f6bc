import json
from dataclasses import replace

import pytest

from curation.judges.listwise import Listwise
from schemas.responses import Response


def judge(**fields):
    return Listwise(model="m", **fields)


def reply_of(subject, truth, **changes):
    """What a judge says who scores by id."""
    scores = {label: truth[shown] for label, shown in subject.labels.items()}
    ranking = sorted(scores, key=lambda label: -scores[label])
    return json.dumps({"reasoning": "it's so", "scores": scores, "ranking": ranking} | changes)


@pytest.fixture
def truth(group):
    return {response.response_id: score for response, score in zip(group.responses, (5, 1, 3.5, 3.5), strict=True)}


def test_scores_do_not_depend_on_the_order_shown(group, reply, truth):
    orders = set()
    for seed in range(20):
        (question,) = judge().questions(group, seed)
        orders.add(question.subject.shown)
        scores = judge().read(question.subject, reply(reply_of(question.subject, truth)))
        assert {score.response_id: score.value for score in scores} == truth
    assert len(orders) > 10


def test_the_principle_is_told_and_names_the_aspect(group):
    (question,) = judge(principle="Short is good.", aspect="short").questions(group, 0)
    assert "Short is good." in question.request.messages[0]["content"]
    assert question.subject.about == "short"
    (unnamed,) = judge(principle="Short is good.").questions(group, 0)
    assert unnamed.subject.about == "Short is good."


SPOILT = {
    "reversed": (lambda said, _: {"ranking": said["ranking"][::-1]}, "ranking_contradicts_scores"),
    "one-unranked": (lambda said, _: {"ranking": said["ranking"][:-1]}, "wrong_ranking"),
    "one-four-times": (lambda _, labels: {"ranking": [labels[0]] * 4}, "wrong_ranking"),
    "misspelt-key": (lambda said, _: {"rnaking": said["ranking"], "ranking": None}, "wrong_ranking"),
    "one-answer-scored": (lambda _, labels: {"scores": {labels[0]: 5}}, "wrong_labels"),
    "off-the-scale": (lambda _, labels: {"scores": dict.fromkeys(labels, 6)}, "out_of_range"),
    "booleans": (lambda _, labels: {"scores": dict.fromkeys(labels, True)}, "out_of_range"),
}


@pytest.mark.parametrize(("spoil", "failure"), SPOILT.values(), ids=SPOILT)
def test_a_reply_that_does_not_hold_together_scores_nobody(group, reply, truth, spoil, failure):
    (question,) = judge().questions(group, 0)
    said = json.loads(reply_of(question.subject, truth))
    said |= spoil(said, list(question.subject.labels))
    scores = judge().read(question.subject, reply(json.dumps(said)))
    assert [(score.value, score.failure) for score in scores] == [(None, failure)] * 4


def test_thirty_answers_have_thirty_labels(group, reply):
    prompt_id = group.prompt.prompt_id
    many = tuple(Response.of(prompt_id, model="m", text=f"answer {i}", source="hand") for i in range(30))
    (question,) = judge().questions(replace(group, responses=many), 0)
    assert len(question.subject.labels) == 30
