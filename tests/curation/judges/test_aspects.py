import json
from itertools import permutations

import pytest

from curation.judges.aspects import Aspects


def judge(**fields):
    return Aspects(model="m", **fields)


def test_every_aspect_is_asked_about_all_answers_side_by_side(group):
    asked = list(judge().questions(group, seed=0))
    assert [question.about for question in asked] == list(judge().aspects)
    for question in asked:
        assert sorted(question.shown) == [response.response_id for response in group.responses]
        for response in group.responses:
            assert json.dumps(response.text) in question.request.messages[0]["content"]


def test_the_order_differs_between_aspects_and_not_between_runs(group):
    orders = [[question.shown for question in judge().questions(group, seed)] for seed in (0, 0, 1, 2, 3)]
    assert orders[0] == orders[1]
    assert len({order for run in orders for order in run}) > 4


def test_a_small_judge_may_see_one_answer_at_a_time(group):
    asked = list(judge(answers_per_request=1).questions(group, seed=0))
    assert len(asked) == 16
    assert {len(question.shown) for question in asked} == {1}


def test_ratings_are_mapped_back_by_id_whatever_the_order(group, reply):
    """A scripted judge that rates by content comes through every permutation of the answers."""
    truth = {response.response_id: rating for response, rating in zip(group.responses, (1, 2, 4, 5), strict=True)}
    one = next(judge().questions(group, seed=0))
    for order in permutations(one.shown):
        question = type(one)(prompt_id=one.prompt_id, shown=order, about=one.about, request=one.request)
        said = {"ratings": {label: truth[response_id] for label, response_id in question.labels.items()}}
        scores = judge().read(question, reply(json.dumps(said)))
        assert {score.response_id: score.value for score in scores} == truth


@pytest.mark.parametrize(
    ("said", "failure"),
    [
        pytest.param('{"ratings": {"A": 1, "B": 2, "C": 3}}', "wrong_labels", id="an-answer-missing"),
        pytest.param('{"ratings": {"A": 1, "B": 2, "C": 3, "E": 4}}', "wrong_labels", id="an-unknown-label"),
        pytest.param('{"ratings": {"A": 1, "B": 2, "C": 3, "D": 6}}', "out_of_range", id="above-the-scale"),
        pytest.param('{"ratings": {"A": 0, "B": 2, "C": 3, "D": 4}}', "out_of_range", id="below-the-scale"),
        pytest.param('{"ratings": {"A": true, "B": 2, "C": 3, "D": 4}}', "out_of_range", id="true-is-no-rating"),
        pytest.param('{"ratings": {"A": "4", "B": 2, "C": 3, "D": 4}}', "out_of_range", id="text-is-no-rating"),
        pytest.param('{"ratings": {"A": null, "B": 2, "C": 3, "D": 4}}', "out_of_range", id="null-where-it-must-apply"),
        pytest.param("A: 4, B: 5", "unparseable", id="prose"),
        pytest.param('[{"A": 4}]', "unparseable", id="a-list"),
        pytest.param("", "unparseable", id="nothing"),
    ],
)
def test_a_reply_that_breaks_the_contract_is_a_failure_for_every_answer(group, reply, said, failure):
    question = next(judge(aspects=("helpfulness",)).questions(group, seed=0))
    scores = judge().read(question, reply(said))
    assert [(score.value, score.failure) for score in scores] == [(None, failure)] * 4


def test_a_truncated_reply_is_never_read_as_ratings(group, reply):
    question = next(judge().questions(group, seed=0))
    said = '{"ratings": {"A": 1, "B": 2, "C": 3, "D": 4}}'
    assert {score.failure for score in judge().read(question, reply(said, "length"))} == {"truncated"}


def test_null_means_not_applicable_where_the_aspect_allows_it(group, reply):
    question = next(judge(aspects=("honesty",)).questions(group, seed=0))
    scores = judge().read(question, reply('{"ratings": {"A": null, "B": 2, "C": 3, "D": 4}}'))
    assert (scores[0].value, scores[0].failure) == (None, None)


def test_the_packaged_template_explains_every_aspect(group):
    for question in judge().questions(group, seed=0):
        text = question.request.messages[0]["content"]
        assert "very poor" not in text
        assert question.about.replace("_", " ") in text
