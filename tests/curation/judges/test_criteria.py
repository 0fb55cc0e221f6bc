import json
from dataclasses import replace

import pytest

from curation.judges.criteria import Criteria
from curation.rubrics.edits import edit
from schemas.ids import canonical
from schemas.rubrics import RUBRIC_ITEMS, RUBRICS, Rubric, RubricItem


def judge(**fields):
    return Criteria(model="m", **fields)


@pytest.fixture
def ruled(group):
    items = [RubricItem(kind="hard", text="The response is short."), RubricItem(kind="principle", text="It is kind.")]
    rubric = Rubric.of(group.prompt.prompt_id, items, writer="hand", writer_version="1", checked_by="hand")
    return replace(group, rubric=rubric)


def test_every_item_is_asked_about_alone(ruled):
    asked = list(judge().questions(ruled, 0))
    assert [question.subject.about for question in asked] == [item.text for item in ruled.rubric.items]
    for question, item, other in zip(asked, ruled.rubric.items, ruled.rubric.items[::-1], strict=True):
        text = question.request.messages[0]["content"]
        assert item.text in text
        assert other.text not in text


def test_a_prompt_without_a_rubric_is_not_judged(group):
    assert not list(judge().questions(replace(group, rubric=None), 0))


@pytest.mark.parametrize(
    ("change", "asked_again"),
    [
        pytest.param(lambda one, two: (replace(one, text="The response is long."), two), 1, id="reworded"),
        pytest.param(lambda one, two: (one, two, replace(two, text="The response is calm.")), 1, id="added"),
        pytest.param(lambda one, two: (two,), 0, id="dropped"),
        pytest.param(lambda one, two: (two, one), 0, id="moved"),
        pytest.param(lambda one, two: (replace(one, weight=3.0, kind="principle"), two), 0, id="weighed"),
    ],
)
def test_an_edit_asks_again_about_what_it_changed(lake, ruled, change, asked_again):
    """The edited rubric has another id, and its items other numbers; the calls are found by what is asked."""
    lake.append((RUBRICS, RUBRICS.rows([ruled.rubric])), (RUBRIC_ITEMS, RUBRIC_ITEMS.rows(ruled.rubric.item_rows())))
    edited = edit(lake, ruled.rubric, change(*ruled.rubric.items), "ann")
    assert edited.rubric_id != ruled.rubric.rubric_id
    before, after = (
        {canonical(question.request.body()) for question in judge().questions(one, 0)}
        for one in (ruled, replace(ruled, rubric=edited))
    )
    assert len(after - before) == asked_again


def test_ratings_go_to_the_answers_under_the_labels(ruled, reply):
    question = next(judge().questions(ruled, 0))
    said = {label: 1 + place for place, label in enumerate(question.subject.labels)}
    scores = judge().read(question.subject, reply(json.dumps({"rationale": "so", "ratings": said})))
    assert [(score.response_id, score.value) for score in scores] == [
        (shown, 1 + place) for place, shown in enumerate(question.subject.shown)
    ]
    assert {score.aspect for score in scores} == {question.subject.about}
