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


def types_of(subject, named):
    return {"types": dict.fromkeys(subject.labels, named), "ratings": dict.fromkeys(subject.labels, 4)}


def question_about(group, aspect):
    return next(judge(aspects=(aspect,)).questions(group, seed=0))


def test_types_are_named_before_the_rating(group, reply):
    question = question_about(group, "truthfulness")
    text = question.request.messages[0]["content"]
    assert text.index('"types"') < text.index('"rationales"') < text.index('"ratings"')
    scores = judge().read(question.subject, reply(json.dumps(types_of(question.subject, ["against_facts"]))))
    assert {score.types for score in scores} == {("against_facts",)}


@pytest.mark.parametrize("named", [["invented"], "against_facts", None, [1]])
def test_unknown_types_are_a_failure(group, reply, named):
    question = question_about(group, "truthfulness")
    scores = judge().read(question.subject, reply(json.dumps(types_of(question.subject, named))))
    assert {(score.value, score.failure) for score in scores} == {(None, "wrong_types")}


def test_every_answer_has_its_own_rationale(group, reply):
    question = question_about(group, "honesty")
    said = {"rationales": {label: f"for {label}" for label in question.subject.labels}}
    said["ratings"] = dict.fromkeys(question.subject.labels, 2)
    for score, label in zip(
        judge().read(question.subject, reply(json.dumps(said))), question.subject.labels, strict=True
    ):
        assert score.rationale == f"for {label}"


def test_known_answers_are_shown_for_truthfulness_only(group):
    prompt = replace(group.prompt, correct_answers=("Paris",), incorrect_answers=("Lyons",))
    notes = {prompt.source: "The question rests on an error."}
    for question in judge(source_notes=notes).questions(replace(group, prompt=prompt), 0):
        text = question.request.messages[0]["content"]
        shown = [word in text for word in ("Paris", "Lyons", "rests on an error")]
        assert shown == [question.subject.about == "truthfulness"] * 3


def test_a_useless_reply_is_asked_for_again_in_another_order(group, reply):
    """At most `tries` times, and each time another request; the last reply counts like any other."""
    asking = judge(aspects=("helpfulness",), tries=10)
    question = next(asking.questions(group, seed=0))
    requests, orders = set(), set()
    for attempt in range(10):
        assert question.subject.attempt == attempt
        requests.add(question.request.messages[0]["content"])
        orders.add(question.subject.shown)
        rows = asking.read(question.subject, reply("nonsense"))
        question, last = asking.again(question, [row.failure for row in rows]), question
    assert question is None
    assert len(requests) == 10
    assert len(orders) > 3
    good = json.dumps({"ratings": dict.fromkeys(last.subject.labels, 5)})
    assert {score.value for score in asking.read(last.subject, reply(good))} == {5}


@pytest.mark.parametrize("status", ["refused", "truncated", "quarantined"])
def test_what_asking_again_cannot_mend_is_not_asked_again(group, reply, status):
    question = question_about(group, "helpfulness")
    rows = judge().read(question.subject, reply("", status))
    assert judge().again(question, [row.failure for row in rows]) is None


def test_exhausted_tries_leave_failed_rows_and_never_an_empty_list(group, reply):
    question = question_about(group, "helpfulness")
    rows = judge(tries=1).read(question.subject, reply("nonsense"))
    assert [row.failure for row in rows] == ["unparsable"] * 4
    assert judge(tries=1).again(question, [row.failure for row in rows]) is None
