import json
from dataclasses import replace
from itertools import permutations

import pytest

from curation.judges.aspects import Aspects


def judge(**fields):
    return Aspects(model="m", **fields)


def test_every_aspect_is_asked_about_all_answers_side_by_side(group):
    asked = list(judge().questions(group, seed=0))
    assert [question.subject.about for question in asked] == list(judge().aspects)
    for question in asked:
        assert sorted(question.subject.shown) == [response.response_id for response in group.responses]
        for response in group.responses:
            assert response.text in question.request.messages[0]["content"]


def test_the_order_differs_between_aspects_and_not_between_runs(group):
    orders = [[question.subject.shown for question in judge().questions(group, seed)] for seed in (0, 0, 1, 2, 3)]
    assert orders[0] == orders[1]
    assert len({order for run in orders for order in run}) > 4


def test_a_small_judge_may_see_one_answer_at_a_time(group):
    asked = list(judge(answers_per_request=1).questions(group, seed=0))
    assert len(asked) == 16
    assert {len(question.subject.shown) for question in asked} == {1}


def test_ratings_are_mapped_back_by_id_whatever_the_order(group, reply):
    """A scripted judge that rates by content comes through every permutation of the answers."""
    truth = {response.response_id: rating for response, rating in zip(group.responses, (1, 2, 4, 5), strict=True)}
    one = next(judge().questions(group, seed=0))
    for order in permutations(one.subject.shown):
        subject = replace(one.subject, shown=order)
        said = {"ratings": {label: truth[response_id] for label, response_id in subject.labels.items()}}
        scores = judge().read(subject, reply(json.dumps(said)))
        assert {score.response_id: score.value for score in scores} == truth


def test_one_bad_rating_fails_its_answer_alone(group, reply):
    question = next(judge(aspects=("helpfulness",)).questions(group, seed=0))
    for bad, failure in ((6, "out_of_range"), (0, "out_of_range"), (True, "out_of_range"), ("4", "out_of_range"),
                         (None, "out_of_range"), (2.5, "out_of_range"), ("absent", "missing")):  # fmt: skip
        ratings = dict.fromkeys(question.subject.labels, 4)
        spoilt = next(iter(ratings))
        ratings[spoilt] = bad
        if bad == "absent":
            del ratings[spoilt]
        scores = judge().read(question.subject, reply(json.dumps({"ratings": ratings})))
        assert [(score.value, score.failure) for score in scores] == [(None, failure), (4, None), (4, None), (4, None)]


@pytest.mark.parametrize(
    ("said", "failure"),
    [
        pytest.param('{"ratings": {"A_x": 1}}', "wrong_labels", id="an-unknown-label"),
        pytest.param('{"ratings": {"A": 1, "B": 2, "C": 3, "D": 4}}', "wrong_labels", id="labels-without-the-nonce"),
        pytest.param('{"scores": {}}', "wrong_labels", id="another-key"),
        pytest.param("A: 4, B: 5", "unparsable", id="prose"),
        pytest.param('[{"A": 4}]', "unparsable", id="a-list"),
        pytest.param('{"ratings": {}, "ratings": {}}', "invalid", id="a-key-twice"),
        pytest.param("", "unparsable", id="nothing"),
    ],
)
def test_a_reply_that_breaks_the_contract_is_a_failure_for_every_answer(group, reply, said, failure):
    question = next(judge(aspects=("helpfulness",)).questions(group, seed=0))
    scores = judge().read(question.subject, reply(said))
    assert [(score.value, score.failure) for score in scores] == [(None, failure)] * 4


def test_null_means_not_applicable_where_the_aspect_allows_it(group, reply):
    question = next(judge(aspects=("honesty",)).questions(group, seed=0))
    ratings = dict.fromkeys(question.subject.labels)
    scores = judge().read(question.subject, reply(json.dumps({"ratings": ratings})))
    assert {(score.value, score.failure) for score in scores} == {(None, None)}


def test_the_packaged_template_explains_every_aspect(group):
    for question in judge().questions(group, seed=0):
        text = question.request.messages[0]["content"]
        assert "very poor" not in text
        assert question.subject.about.replace("_", " ") in text
