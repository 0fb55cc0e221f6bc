from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from training.checkpoint import load_reward, save
from training.evaluate.rewards import rewards_of


def prompt(text: str) -> list[dict[str, str]]:
    return [{"role": "user", "content": text}]


ITEMS = [(prompt("say w1"), "w1 good it w4"), (prompt("say w2 it"), "w2"), (prompt("say w3"), "")]


@pytest.fixture(scope="module")
def folder(model_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save(tmp_path_factory.mktemp("reward") / "model", load_reward(model_folder))


def test_each_item_has_the_reward_it_has_alone(folder: Path) -> None:
    together = rewards_of(folder, ITEMS)
    alone = [float(rewards_of(folder, [item])[0]) for item in ITEMS]
    assert together.dtype == np.float32
    assert together.tolist() == pytest.approx(alone, abs=1e-6)
    assert len(set(alone)) == 3


def test_a_loaded_model_serves_too(folder: Path) -> None:
    assert np.array_equal(rewards_of(load_reward(folder), ITEMS), rewards_of(folder, ITEMS))


def test_no_items_have_no_rewards(folder: Path) -> None:
    assert rewards_of(folder, []).shape == (0,)
