import json
import random

import pytest
from jsonschema_rs import validator_for
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


def test_the_order_of_the_demonstrations_changes_no_verdict(group):
    """`methods/data.md` 11(g)3 allows 5 %: every order of the list is one and the same request."""
    shown = [SHOWN.model_copy(update={"prompt": f"Why {number}?"}) for number in range(6)]
    orders = [shown, shown[::-1], shown[3:] + shown[:3]]
    asked = [next(judge(demonstrations=tuple(order)).questions(group, 0)).request for order in orders]
    assert asked[0] == asked[1] == asked[2]
    assert all(asked[0].messages[0]["content"].count(f"Why {number}?") == 1 for number in range(6))


BROKEN = ("Clarity: 5", '{"LABEL": {"clarity": "5"}}', '{"LABEL": [5]}', '{"A": {"clarity": 5}}', "")


def test_a_judge_that_breaks_its_form_one_time_in_ten_is_read_99_times_in_100(group, reply):
    """`methods/data.md` 11(g)1. What three tries do not mend has no value and a reason."""
    chance, asking = random.Random(0), judge(rubric={"clarity": "0 to 10"})

    def said_to(question):
        (label,) = question.subject.labels
        said = {label: {"clarity": chance.randint(0, 10)}, "reason": "so"}
        validator_for(json.loads(question.request.structure.text)).validate(said)
        return chance.choice(BROKEN).replace("LABEL", label) if chance.random() < 0.1 else json.dumps(said)

    def settled(question):
        """The rows of the last try, and how many there were."""
        rows = asking.read(question.subject, reply(said_to(question)))
        again = asking.again(question, [row.failure for row in rows])
        return settled(again) if again else (rows[0], question.subject.attempt + 1)

    found = [settled(question) for seed in range(250) for question in asking.questions(group, seed)]
    read = [score for score, _ in found if score.value is not None]
    assert 0.99 <= len(read) / len(found) < 1
    assert {tries for _, tries in found} == {1, 2, 3}
    assert {(tries, bool(score.failure)) for score, tries in found if score.value is None} == {(3, True)}


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
