import json

import pytest

from curation.rules.math_answer import MathAnswer, compare
from tests.curation.rules.asking import asking, judged

MODELS = ("6b_finetuning", "6b_verification", "175b_finetuning", "175b_verification")


def verdict(text, *keys, **settings):
    score = judged(MathAnswer(**settings), text, asking(correct_answers=keys))["correct"]
    return score.value if score.failure is None else score.failure


def records(path):
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def test_every_recorded_verdict_on_gsm8k_is_met(real_data, record_property):
    """2,400 solutions by four models, and whether each is correct. Six break off before they say an answer."""
    agreed, silent = 0, 0
    for record in records(real_data / "gsm8k" / "example_model_solutions_first600.jsonl"):
        for model in MODELS:
            found = verdict(record[model]["solution"], record["ground_truth"])
            agreed += (found == 1.0) is record[model]["is_correct"]
            silent += found == "no_answer"
    record_property("gsm8k solutions judged as recorded", agreed)
    assert (agreed, silent) == (2400, 6)


@pytest.mark.parametrize("name", ["test_first600.jsonl", "train_first1200.jsonl"])
def test_the_reference_solutions_of_gsm8k_are_correct(real_data, name):
    for record in records(real_data / "gsm8k" / name):
        worked, _, key = record["answer"].rpartition("#### ")
        assert verdict(record["answer"], key) == 1.0
        assert verdict(worked, key) == "no_answer"


@pytest.mark.parametrize(
    ("key", "answer", "expected"),
    [
        pytest.param("18", "18.0", True, id="decimal"),
        pytest.param("18", "19", False, id="another-number"),
        pytest.param("0.1", "1/10", True, id="fraction"),
        pytest.param("1/3", "0.333", False, id="rounded"),
        pytest.param("25%", "0.25", True, id="percent-as-share"),
        pytest.param("25", "25%", True, id="percent-as-number"),
        pytest.param("25", "0.25", False, id="share-of-no-percent"),
        pytest.param("18", "$18 per hour", True, id="unit-in-the-answer-only"),
        pytest.param("5 hours", "5 hour", True, id="plural"),
        pytest.param("5 km", "5 miles", "unit_differs", id="other-unit"),
        pytest.param("5 km", "6 miles", False, id="other-unit-and-number"),
        pytest.param("B", "(b)", True, id="choice"),
        pytest.param("B", "C", False, id="other-choice"),
        pytest.param(r"\text{Evelyn}", "evelyn", True, id="words"),
        pytest.param("east", "seat", False, id="words-are-no-products-of-letters"),
        pytest.param("42", "I do not know", "unreadable", id="words-for-a-number"),
        pytest.param("2", "2x", False, id="variable"),
        pytest.param(r"\frac{\sqrt{3}}{2}", "sqrt(3)/2", True, id="root"),
        pytest.param("(x+1)^2", "x^2+2x+1", True, id="expanded"),
        pytest.param("7", "3 + 4 = 7", True, id="equation"),
        pytest.param("(1, 2)", "(1,2)", True, id="tuple"),
        pytest.param("(1,2)", "(2,1)", False, id="order-of-a-tuple"),
        pytest.param("[0,1)", "(0,1)", False, id="ends-of-an-interval"),
        pytest.param("2", "x+", "unreadable", id="no-formula"),
    ],
)
def test_compare(key, answer, expected):
    assert compare(key, answer) is expected or compare(key, answer) == expected


@pytest.mark.parametrize(
    ("keys", "value"),
    [
        pytest.param(("17", "18"), 1.0, id="one-of-several"),
        pytest.param(("17", "19"), 0.0, id="none-of-several"),
        pytest.param(("eighteen apples", "18"), 1.0, id="beside-one-in-words"),
        pytest.param(("9 * 2 = 18\n#### 18",), 1.0, id="a-worked-solution"),
        pytest.param(("x+", "19"), "unreadable", id="one-that-cannot-be-read-leaves-it-open"),
    ],
)
def test_several_known_answers(keys, value):
    assert verdict("A: 18", *keys) == value


def test_a_text_without_an_answer_is_no_verdict():
    assert verdict("She has 9 eggs, at 2 dollars", "2") == "no_answer"


def test_the_last_number_counts_only_when_it_is_asked_for():
    assert verdict("She has 9 eggs, at 2 dollars", "2", last_number=True) == 1.0
    assert verdict("A: 9\nThat was 2 dollars", "2", last_number=True) == 0.0
    assert verdict("I cannot say", "2", last_number=True) == "no_answer"


def test_the_rationale_shows_what_was_compared():
    score = judged(MathAnswer(), "A: 18 eggs", asking(correct_answers=("17",)))["correct"]
    assert score.rationale == "'18 eggs' after 'A', want '17'"
