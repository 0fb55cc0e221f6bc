import pytest

from curation.importers.gsm8k import GSM8K
from curation.readers import read_records
from curation.records import BadRow
from curation.rules.math_answer import MathAnswer
from schemas.prompts import Prompt
from schemas.responses import Response

HENS = "Ann has 2 hens and buys 3. How many has she?"


@pytest.mark.parametrize(
    ("solution", "answer"),
    [
        pytest.param("She has 2+3=<<2+3=5>>5.\n#### 5", "5", id="official"),
        pytest.param("#### 1,080 \n", "1,080", id="thousands"),
        pytest.param("#### 4\nNo: one more.\n#### 5", "5", id="the-last"),
    ],
)
def test_the_final_answer_is_the_known_one(solution, answer):
    (prompt,) = GSM8K().translate({"question": HENS, "answer": solution})
    assert (prompt.messages[0]["content"], prompt.correct_answers) == (HENS, (answer,))


@pytest.mark.parametrize("solution", ["She has 5.", "#### ", "#### 5\nor 6", "She has #### 5"], ids=repr)
def test_a_solution_without_one_is_bad(solution):
    with pytest.raises(BadRow, match="no_final_answer"):
        list(GSM8K().translate({"question": HENS, "answer": solution}))


def test_recorded_solutions_are_responses_of_their_models():
    said = {
        "6b_finetuning": {"is_correct": True, "solution": "A: 5"},
        "175b": {"is_correct": False, "solution": "A: 6"},
    }
    prompt, *found = GSM8K().translate({"question": HENS, "ground_truth": "2+3\nA: 5", **said})
    assert prompt.correct_answers == ("5",)
    assert [(one.model, one.text) for one in found] == [("gsm8k/6b_finetuning", "A: 5"), ("gsm8k/175b", "A: 6")]


def test_the_rule_finds_every_official_solution_right(real_data):
    """1,200 questions to train on and 600 to test with; all are one user turn with one known answer."""
    rule, wrong, count = MathAnswer(), [], 0
    for name in ("train_first1200", "test_first600"):
        for _, record in read_records(real_data / "gsm8k" / f"{name}.jsonl"):
            (prompt,) = GSM8K().translate(record)
            assert isinstance(prompt, Prompt)
            solution = Response.of(prompt.prompt_id, model="m", text=record["answer"], source="s")
            count += 1
            wrong += [] if next(rule.check(prompt, solution)).value == 1 else [record]
    assert (count, wrong) == (1_800, [])
