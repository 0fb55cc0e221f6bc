from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from schemas.errors import InputError
from training.evaluate.benchmarks import won
from training.evaluate.benchmarks.rewardmath import RewardMath, of_steps, rank

PROBABILITIES = arrays(np.float64, st.integers(1, 30), elements=st.floats(0.01, 0.99))


def rows(problems: int, candidates: int = 10) -> list[dict[str, Any]]:
    return [
        {"problem_id": f"m{n}", "problem": "1 + 1", "eval_solution": ["so", f"{place}"]}
        | {"solution_type": "rejected" if place else "chosen"}
        for n in range(problems)
        for place in range(candidates)
    ]


def test_equal_rewards_rank_the_right_solution_last() -> None:
    figures = RewardMath().run(rows(3), lambda items: np.zeros(len(items)))
    assert (figures["accuracy"].value, figures["mean reciprocal rank"].value) == (0, pytest.approx(0.1))
    assert (figures["ties"].value, figures["ties"].n) == (3, 3)


def test_a_perfect_model() -> None:
    figures = RewardMath().run(rows(3), lambda items: np.array([float(text == "so\n0") for _, text in items]))
    assert (figures["accuracy"].value, figures["mean reciprocal rank"].value) == (1, 1)


def test_chance_is_a_tenth_and_the_tenth_harmonic_number_over_ten() -> None:
    chance = np.random.default_rng(0)
    figures = RewardMath().run(rows(3000), lambda items: chance.normal(size=len(items)))
    assert figures["accuracy"].low < 0.1 < figures["accuracy"].high
    assert figures["mean reciprocal rank"].low < 0.2928968 < figures["mean reciprocal rank"].high


@given(arrays(np.float64, 10, elements=st.integers(0, 5)))
def test_accuracy_is_at_most_the_reciprocal_rank(rewards: np.ndarray) -> None:
    place = rank(won(rewards[:1], rewards[1:]))
    assert (place == 1) <= 1 / place <= 1


def test_records_may_come_in_any_order_and_candidates_may_lack() -> None:
    shuffled = rows(4)[::-1][:-1]  # the first problem has lost its right solution
    figures = RewardMath().run(shuffled, lambda items: np.array([-float(text[3:]) for _, text in items]))
    assert (figures["accuracy"].value, figures["accuracy"].n) == (1, 3)
    assert (figures["incomplete"].value, figures["incomplete"].n) == (1, 4)


@given(PROBABILITIES)
def test_a_product_is_the_exponential_of_a_sum(scores: np.ndarray) -> None:
    assert of_steps(scores, "prod") == pytest.approx(float(np.prod(scores)))
    assert of_steps(scores, "geometric mean") == pytest.approx(float(np.prod(scores)) ** (1 / len(scores)))
    assert of_steps(scores, "mean logit") == pytest.approx(float(np.mean(np.log(scores / (1 - scores)))))
    assert of_steps(scores, "min") <= of_steps(scores, "mean") + 1e-9 <= of_steps(scores, "max") + 2e-9
    assert of_steps(scores, "last") == scores[-1]


def test_many_steps_do_not_underflow_and_none_are_refused() -> None:
    assert of_steps(np.full(10_000, 0.5), "geometric mean") == pytest.approx(0.5)
    assert of_steps(np.array([0.5, 0.0]), "prod") == 0
    with pytest.raises(InputError, match="has no steps"):
        of_steps(np.array([]), "min")


def recorded(problems: list[dict[str, Any]]) -> tuple[list[dict[str, Any]], np.ndarray]:
    """Records of recorded scores, the right solution first, and the scores."""
    records = [
        {"problem_id": n, "problem": one["problem"], "eval_solution": name}
        | {"solution_type": "rejected" if place else "chosen"}
        for n, one in enumerate(problems)
        for place, name in enumerate(one["solution_reference"])
    ]
    return records, np.array([score for one in problems for score in one["score"]], dtype=float)


def test_the_recorded_rewards_of_a_model(real_data: Path) -> None:
    """Skywork's model on the mathematics of RewardBench: a right and a wrong solution of each of 447 problems."""
    path = real_data / "rewardmath" / "rewardbench_math_prm_Skywork-Llama-3.1-8B.json"
    problems = json.loads(path.read_text())
    records, scores = recorded(problems)
    order = {(str(one["problem_id"]), one["eval_solution"]): score for one, score in zip(records, scores, strict=True)}
    cases = RewardMath().grouped([RewardMath().case(record) for record in records])
    found = RewardMath().run(
        records, lambda items: np.array([order[case.prompt, text] for case in cases for _, text in case.items])
    )
    right = [one["score"][0] > one["score"][1] for one in problems]
    assert found["accuracy"].value == pytest.approx(np.mean(right))
    assert found["mean reciprocal rank"].value == pytest.approx(np.mean([1 if won else 0.5 for won in right]))
    assert found["incomplete"].value == found["incomplete"].n == 447


def test_a_judge_whose_verdicts_are_missing_is_not_right(real_data: Path) -> None:
    """Nine games a problem, the right solution at the place that the file names: null is no win for it."""
    path = real_data / "rewardmath" / "llama3_8B_pairwise_reward.json"
    problems = json.loads(path.read_text())
    games = [
        np.array(
            [
                1.0,
                *([2.0 * (verdict != place) for verdict, place in zip(p["score"], p["chosen_position"], strict=True)]),
            ]
        )
        for p in problems
    ]
    wins = [all(v == place for v, place in zip(p["score"], p["chosen_position"], strict=True)) for p in problems]
    assert [rank(won(one[:1], one[1:])) == 1 for one in games] == wins
    assert sum(verdict is None for p in problems for verdict in p["score"]) == 621
