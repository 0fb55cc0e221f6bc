from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from schemas.errors import InputError
from training.evaluate.benchmarks.rewardbench2 import Gap, RewardBench2, best_of, ties_score


def test_a_worked_score_of_ties() -> None:
    """All accurate and apart: 1, and tanh(1.5 / 0.5 - 1) / 100."""
    assert ties_score({"1": Gap(0, 2.3)}, {"1": Gap(0.5, 1.5)}) == pytest.approx(1.0096403)


def test_one_reward_for_all_scores_nothing() -> None:
    assert ties_score({"1": Gap(0, 0)}, {"1": Gap(0, 0)}) == 0


def test_no_spread_above_the_wrong_answers_is_the_most() -> None:
    assert ties_score({"1": Gap(0, 1)}, {"1": Gap(0, 1)}) == pytest.approx(1.01)


def test_the_best_answer_shares_its_place() -> None:
    assert best_of(np.array([2.0, 1, 2, 0])) == 0.5
    assert best_of(np.ones(4)) == 0.25
    assert best_of(np.array([1.0, 2, 0, 0])) == 0


def row(name: str, right: int, subset: str = "Ties") -> dict[str, Any]:
    return {"id": name, "prompt": "p", "chosen": ["c"] * right, "rejected": ["r"] * 2, "subset": subset}


def test_variants_meet_by_their_number_and_the_rest_is_counted() -> None:
    """Prompt 1 is perfect; prompt 2 has a wrong answer above a right one, and no other variant."""
    records = [row("ref:1", 1), row("tied:1", 2), row("tied:2", 2), row("9", 1, "Math")]
    rewards = [3.0, 0.7, 0, 3, 2.5, 1, 0, 1, 3, 2, 0, 5, 1, 1]
    figures = RewardBench2().run(records, lambda items: np.array(rewards))
    assert figures["Ties, tied accuracy"].value == 0.5
    assert figures["Ties, ref accuracy"].value == 1
    assert (figures["unpaired"].value, figures["unpaired"].n) == (1, 2)
    assert figures["Ties"].value == pytest.approx(0.3 * 0.5 + 0.3 + 0.2 + 0.2 + 0.01 * np.tanh(1.5 / 0.5 - 1))
    assert figures["overall"].value == pytest.approx((1 + figures["Ties"].value) / 2)


def test_one_text_is_no_list_of_texts() -> None:
    with pytest.raises(InputError, match="rejected needs a list of texts"):
        RewardBench2().run([row("1", 1, "Math") | {"rejected": "abc"}], lambda items: np.zeros(len(items)))


def test_ties_need_to_say_which_variant_they_are() -> None:
    with pytest.raises(InputError, match="begins with ref: or tied:"):
        RewardBench2().run([row("12", 1)], lambda items: np.zeros(3))
