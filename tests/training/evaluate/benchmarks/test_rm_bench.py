from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from schemas.errors import InputError
from training.evaluate.benchmarks import won
from training.evaluate.benchmarks.rm_bench import RMBench, difficulties

DISTINCT = arrays(np.float64, 6, elements=st.integers(-1000, 1000), unique=True)


def test_a_worked_matrix() -> None:
    matrix = np.array([[0.8, 0.6, 0.5], [0.9, 0.8, 0.6], [0.95, 0.9, 0.8]])
    assert difficulties(matrix) == pytest.approx((0.5666667, 0.8, 0.9166667))


@given(DISTINCT)
def test_changed_roles_turn_the_matrix(rewards: np.ndarray) -> None:
    there, back = won(rewards[:3], rewards[3:]), won(rewards[3:], rewards[:3])
    assert np.array_equal(back, 1 - there.T)
    hard, normal, easy = difficulties(there)
    assert difficulties(back) == pytest.approx((1 - easy, 1 - normal, 1 - hard))


def row(number: int, domain: str) -> dict[str, Any]:
    texts = ["s" * 10, "m" * 100, "l" * 1000]
    return {"id": number, "prompt": "p", "chosen": texts, "rejected": [text + "x" for text in texts], "domain": domain}


def test_a_reward_for_length_fails_where_it_is_hard() -> None:
    figures = RMBench().run([row(1, "chat")], lambda items: np.array([len(text) for _, text in items], dtype=float))
    assert [figures[f"chat, {level}"].value for level in ("hard", "normal", "easy")] == [0, 0, 1]
    assert figures["chat"].value == pytest.approx(1 / 3)
    assert math.isnan(figures["overall"].value)


def test_a_record_without_three_styles_is_refused() -> None:
    with pytest.raises(InputError, match="chosen needs a list of 3 texts"):
        RMBench().run([row(1, "chat") | {"chosen": ["a", "b"]}], lambda items: np.zeros(len(items)))


def test_safety_is_the_mean_of_its_parts_and_the_whole_of_domains_and_of_difficulties() -> None:
    domains = ["chat", "code", "math", "safety-refuse", "safety-response", "safety-response"]
    rewards = np.random.default_rng(0).normal(size=6 * len(domains))
    figures = RMBench().run([row(n, name) for n, name in enumerate(domains)], lambda items: rewards)
    parts = figures["safety-refuse, hard"].value, figures["safety-response, hard"].value
    assert figures["safety, hard"].value == pytest.approx(sum(parts) / 2)
    levels = [figures[f"overall, {level}"].value for level in ("hard", "normal", "easy")]
    assert figures["overall"].value == pytest.approx(np.mean(levels))
    assert figures["overall"].value == pytest.approx(
        np.mean([figures[name].value for name in ("chat", "code", "math", "safety")])
    )
