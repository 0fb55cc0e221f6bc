import json
from dataclasses import replace

import pytest

from curation.judges.criteria import Criteria
from schemas.rubrics import Rubric, RubricItem


def judge(**fields):
    return Criteria(model="m", **fields)


@pytest.fixture
def ruled(group):
    items = [RubricItem(kind="hard", text="The response is short."), RubricItem(kind="principle", text="It is kind.")]
    rubric = Rubric.of(group.prompt.prompt_id, items, writer="hand", writer_version="1", checked_by="hand")
    return replace(group, rubric=rubric)


def test_every_item_is_asked_about_alone(ruled):
    asked = list(judge().questions(ruled, 0))
    assert [question.subject.about for question in asked] == [f"{ruled.rubric.rubric_id}:{n}" for n in (1, 2)]
    for question, item, other in zip(asked, ruled.rubric.items, ruled.rubric.items[::-1], strict=True):
        text = question.request.messages[0]["content"]
        assert item.text in text
        assert other.text not in text


def test_a_prompt_without_a_rubric_is_not_judged(group):
    assert not list(judge().questions(replace(group, rubric=None), 0))


def test_a_changed_item_is_another_call_and_the_others_stay(ruled):
    """Judging again touches what depends on the change."""
    items = (replace(ruled.rubric.items[0], text="The response is long."), ruled.rubric.items[1])
    changed = replace(ruled, rubric=replace(ruled.rubric, items=items))
    before, after = ([q.request.body() for q in judge().questions(one, 0)] for one in (ruled, changed))
    assert [one == other for one, other in zip(before, after, strict=True)] == [False, True]


def test_ratings_go_to_the_answers_under_the_labels(ruled, reply):
    question = next(judge().questions(ruled, 0))
    said = {label: 1 + place for place, label in enumerate(question.subject.labels)}
    scores = judge().read(question.subject, reply(json.dumps({"rationale": "so", "ratings": said})))
    assert [(score.response_id, score.value) for score in scores] == [
        (shown, 1 + place) for place, shown in enumerate(question.subject.shown)
    ]
    assert {score.aspect for score in scores} == {question.subject.about}
