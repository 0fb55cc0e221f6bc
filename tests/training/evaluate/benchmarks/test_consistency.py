from __future__ import annotations

import numpy as np
import pytest

from training.evaluate.benchmarks.consistency import Consistency

RECORDS = [
    {"instruction": f"i{n}", "response": f"r{n}", "other_instruction": f"j{n}", "other_response": f"s{n}"}
    for n in range(2000)
]


def run(score) -> dict[str, float]:
    return {name: found.value for name, found in Consistency().run(RECORDS, score).items()}


def test_a_reward_of_the_response_alone_is_right_in_one_direction_and_never_in_both() -> None:
    found = run(lambda items: np.array([float(text.startswith("r")) for _, text in items]))
    assert found["response consistency, joint"] == 0
    assert found["response consistency, single"] == 0.5
    assert found["instruction consistency, single"] == 0


def test_a_reward_of_the_instruction_alone_ties_all_responses() -> None:
    found = run(lambda items: np.array([float(prompt[0]["content"].startswith("i")) for prompt, _ in items]))
    assert found["response consistency, single"] == 0
    assert (found["instruction consistency, single"], found["ties"]) == (0.5, len(RECORDS))


def test_chance_is_a_half_and_a_quarter() -> None:
    chance = np.random.default_rng(0)
    found = run(lambda items: chance.normal(size=len(items)))
    assert found["response consistency, single"] == pytest.approx(0.5, abs=0.03)
    assert found["response consistency, joint"] == pytest.approx(0.25, abs=0.03)


def test_a_reward_that_follows_the_instruction() -> None:
    fits = {"i": "r", "j": "s"}
    found = run(lambda items: np.array([float(fits[prompt[0]["content"][0]] == text[0]) for prompt, text in items]))
    assert {found[name] for name in found if "consistency" in name} == {1.0}
