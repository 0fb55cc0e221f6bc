import json

import pytest
from pydantic import ValidationError

from curation.judges.one_line import Demonstration, OneLine

RUBRIC = {"clarity": "0 to 10, higher is clearer", "errors": "0 to 10, higher has fewer"}
SHOWN = Demonstration(prompt="Why?", response="Because.", scores={"clarity": 3, "errors": 9}, reason="It's bare.")


def judge(**fields):
    return OneLine(model="m", **{"rubric": RUBRIC} | fields)


def test_the_rubric_is_one_line_of_json_and_demonstrations_answer_in_the_same_form(group):
    question = next(judge(demonstrations=(SHOWN,)).questions(group, 0))
    text = question.request.messages[0]["content"]
    line = next(line for line in text.splitlines() if line.startswith("Judge one answer"))
    assert json.loads(line.partition(": ")[2]) == RUBRIC
    (label,) = question.subject.labels
    example = next(line for line in text.splitlines() if line.startswith("Reply: "))
    assert json.loads(example.removeprefix("Reply: ")) == {
        label: {"clarity": 3, "errors": 9},
        "reason": "It's bare.",
    }


def test_every_key_is_a_score(group, reply):
    subject = next(judge().questions(group, 0)).subject
    (label,) = subject.labels
    said = json.dumps({label: {"clarity": 0, "errors": 10}, "reason": "don't know"})
    scores = judge().read(subject, reply(said))
    assert {score.aspect: (score.value, score.rationale) for score in scores} == {
        "clarity": (0, "don't know"),
        "errors": (10, "don't know"),
    }


@pytest.mark.parametrize(
    ("said", "failures"),
    [
        pytest.param({"clarity": 11, "errors": 1}, ["out_of_range", None], id="off-the-scale"),
        pytest.param({"clarity": 5}, [None, "missing"], id="a-key-left-out"),
        pytest.param({"clarity": "5", "errors": 2.5}, ["out_of_range", "out_of_range"], id="no-whole-numbers"),
        pytest.param([5, 5], ["wrong_labels", "wrong_labels"], id="a-list"),
    ],
)
def test_a_bad_key_fails_alone(group, reply, said, failures):
    subject = next(judge().questions(group, 0)).subject
    (label,) = subject.labels
    scores = judge().read(subject, reply(json.dumps({label: said, "reason": ""})))
    assert [score.failure for score in scores] == failures


@pytest.mark.parametrize("rubric", [{}, {"reason": "x"}], ids=["no-keys", "a-key-that-is-taken"])
def test_a_rubric_that_cannot_be_answered_is_refused(rubric):
    with pytest.raises(ValidationError, match="at least one key"):
        judge(rubric=rubric)
