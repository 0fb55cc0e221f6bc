"""The true score: 1 for perfect, lower for each slip, defined for any text."""

import random
from statistics import fmean

import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.sandbox.gold import brevity, gold
from training.sandbox.tokenizer import words
from training.sandbox.world import instructions
from training.sandbox.writer import demonstrate

SEEDS = st.integers(0, 50)
PROMPT = "list two fruits. greet me. shout."


@given(seed=SEEDS)
def test_a_perfect_answer_scores_one(seed: int):
    for instruction in instructions(20, seed):
        assert gold(instruction.text, demonstrate(instruction, 1.0, random.Random(seed)).text) == 1.0


@given(seed=SEEDS, skill=st.floats(0, 0.95))
def test_any_planted_slip_scores_less(seed: int, skill: float):
    rng = random.Random(seed)
    for instruction in instructions(20, seed):
        written = demonstrate(instruction, skill, rng)
        assert (gold(instruction.text, written.text) < 1.0) == bool(written.slips)


@given(seed=SEEDS, response=st.lists(st.sampled_from([*words(), ".", "!", ","])).map(" ".join) | st.text())
def test_any_text_has_a_score_from_nought_to_one(seed: int, response: str):
    assert 0.0 <= gold(instructions(1, seed)[0].text, response) <= 1.0


def test_more_skill_scores_more_on_average():
    rng, asked = random.Random(0), instructions(300, 0)
    means = [
        fmean(gold(each.text, demonstrate(each, skill, rng).text) for each in asked) for skill in (0.1, 0.4, 0.7, 1.0)
    ]
    assert means == sorted(means)
    assert means[0] < 0.3
    assert means[-1] == 1.0


@pytest.mark.parametrize(
    ("response", "score"),
    [
        pytest.param("hello apple , plum !", 1.0, id="perfect"),
        pytest.param("hello plum , apple", 4.5 / 5.5 - 0.1, id="no-end-is-no-shout-either"),
        pytest.param("apple , plum !", 4.5 / 5.5, id="no-greeting"),
        pytest.param("hello apple , dog !", 4.25 / 5.5, id="half-false"),
        pytest.param("hello apple !", 4.5 / 5.5, id="one-short"),
        pytest.param("hello maybe apple , plum !", 0.95, id="hedged"),
        pytest.param("hello um apple , plum !", 0.9, id="filler"),
        pytest.param("hello apple , apple , plum !", 0.9, id="said-twice"),
        pytest.param("", 0.0, id="empty"),
    ],
)
def test_worked_scores(response: str, score: float):
    """Weights: truth 2.5, count 1, each of two add-ons 1, so 5.5 in all."""
    assert gold(PROMPT, response) == pytest.approx(score)


def test_a_prompt_from_elsewhere_is_refused():
    with pytest.raises(ValueError, match="not an instruction"):
        gold("paint the house.", "done .")


@pytest.mark.parametrize(
    ("response", "score"),
    [
        pytest.param("", 1.0, id="empty"),
        pytest.param("the sky.", 0.85, id="marks-count"),
        pytest.param("and " * 30, 0.0, id="no-less-than-nought"),
    ],
)
def test_brevity_falls_by_a_twentieth_a_word(response: str, score: float):
    assert brevity(response) == pytest.approx(score)


@given(seed=SEEDS)
def test_every_perfect_answer_is_brief_in_part(seed: int):
    for instruction in instructions(20, seed):
        assert 0 < brevity(demonstrate(instruction, 1.0, random.Random(seed)).text) < 1
