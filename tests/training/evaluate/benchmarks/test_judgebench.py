from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from schemas.errors import InputError
from training.evaluate.benchmarks.judgebench import JudgeBench, two_games

PROMPTS = ["p", "q"]


def test_a_judge_of_places_is_never_right_and_never_consistent() -> None:
    games = two_games(["A", "A"], ["A", "A"], ["A", "B"], PROMPTS)
    assert (games.accuracy.value, games.inconsistency.value) == (0, 1)


@pytest.mark.parametrize(
    ("first", "second", "right"),
    [
        pytest.param("A", "B", True, id="twice-right"),
        pytest.param("A", "tie", True, id="right-and-tie"),
        pytest.param("A", None, True, id="right-and-unread"),
        pytest.param("tie", "tie", False, id="ties"),
        pytest.param(None, None, False, id="unread"),
        pytest.param("B", "A", False, id="twice-wrong"),
        pytest.param("B", "tie", False, id="wrong-and-tie"),
    ],
)
def test_points_of_two_games(first: str | None, second: str | None, right: bool) -> None:
    games = two_games([first], [second], ["A"], ["p"])
    assert games.accuracy.value == right
    assert games.unread == (first is None) + (second is None)


def row(label: str, number: int = 0) -> dict[str, Any]:
    sides = {"response_A": "a", "response_B": "b"}
    return {"pair_id": f"x{number}", "question": f"q{number}", "label": label, "source": "s", **sides}


def test_one_game_of_a_reward_is_two() -> None:
    chance = np.random.default_rng(0)
    labels = [("A>B", "B>A")[n] for n in chance.integers(0, 2, 50)]
    rewards = chance.integers(0, 3, (50, 2)).astype(float)
    right_first = np.array(
        [pair if label == "A>B" else pair[::-1] for pair, label in zip(rewards, labels, strict=True)]
    )
    figures = JudgeBench().run([row(label, n) for n, label in enumerate(labels)], lambda items: right_first.ravel())

    def game(pairs: np.ndarray) -> list[str]:
        return [("B", "tie", "A")[int(np.sign(a - b)) + 1] for a, b in pairs]

    prompts = [f"q{n}" for n in range(50)]
    games = two_games(game(rewards), game(rewards[:, ::-1]), [label[0] for label in labels], prompts)
    assert games.accuracy == figures["accuracy"]
    assert games.inconsistency.value == 0
    assert figures["ties"].value > 0


def test_an_unknown_label_is_refused() -> None:
    with pytest.raises(InputError, match="pair x0 has the label 'A'; write A>B or B>A"):
        JudgeBench().run([row("A")], lambda items: np.zeros(2))


def test_recorded_judges_in_both_orders(real_data: Path) -> None:
    """GPT-4 on LLMBar: 95 and 96 right in the two orders, 93 in both, and 95 verdicts that agree."""
    path = real_data / "llmbar_natural" / "evaluators" / "GPT-4" / "Vanilla" / "result.json"
    rows = json.loads(path.read_text())
    winners = [[one["results"][-1][f"swap = {swap}"]["winner"] for one in rows] for swap in (False, True)]
    first = [{"1": "A", "2": "B"}.get(winner) for winner in winners[0]]
    second = [{"1": "B", "2": "A"}.get(winner) for winner in winners[1]]
    labels = [{1: "A", 2: "B"}[one["label"]] for one in rows]
    games = two_games(first, second, labels, [one["input"] for one in rows])
    assert (games.accuracy.value, games.accuracy.n) == (0.93, 100)
    assert games.inconsistency.value == pytest.approx(0.05)
    assert games.unread == 0
