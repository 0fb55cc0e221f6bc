"""What rewards a policy, in whole runs: parts of unlike scale, ensembles, and rewards that run away."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.training.conftest import pair_row, pair_table, write_version
from training.checkpoint import load_reward, save
from training.evaluate.rewards import Item, rewards_of
from training.resume import HISTORY
from training.train import train

FAST: dict[str, Any] = {
    "fit.learning_rate": 3e-3, "max_length": 64, "rollout.max_tokens": 12, "rollout.prompts": 16, "kl": 0.01,
}  # fmt: skip


@pytest.fixture
def data(tmp_path: Path) -> Path:
    rows = [pair_row(n, f"w{n} good", f"w{n} bad") for n in range(40)]
    return write_version(tmp_path / "data", pair_table(rows))


def history(folder: Path) -> list[dict[str, float]]:
    return [json.loads(line) for line in (folder / HISTORY).read_text().splitlines()]


def good(items: Sequence[Item]) -> NDArray[np.float32]:
    """The share of words that are `good`."""
    shares = [text.split().count("good") / max(1, len(text.split())) for _, text in items]
    return np.array(shares, dtype=np.float32)


def test_a_small_part_is_learned_where_parts_are_normalised(data: Path, model_folder: Path, tmp_path: Path) -> None:
    """Noise a thousand times as large drowns what is to be learned, until each part counts by its weight."""
    chance = np.random.default_rng(0)
    judges = {"good": good, "noise": lambda items: chance.normal(0, 1e3, len(items)).astype(np.float32)}
    changes = FAST | {"fit.epochs": 24, "rollout.rewards": [{"source": "good"}, {"source": "noise", "weight": 0.1}]}
    gains = {}
    for how in ("sum", "parts_then_batch"):
        trained = train("grpo", data, model_folder, tmp_path / how, changes | {"normalise": how}, judges=judges)
        gains[how] = trained.metrics["test_reward_0"] - trained.metrics["test_reward_0_before"]
    assert gains["parts_then_batch"] > gains["sum"] + 0.1


@pytest.mark.parametrize("how", ["mean", "wco", "uwo"])
def test_an_ensemble_rewards_as_carefully_as_it_is_told(
    how: str, data: Path, model_folder: Path, tmp_path: Path
) -> None:
    """Beside its members, each with a shape of its own."""
    one, other = (str(save(tmp_path / str(seed), load_reward(model_folder, seed=seed))) for seed in (1, 2))
    members = [{"model": one, "std": 2.0}, {"model": other, "mean": 0.1}]
    (tmp_path / "both.json").write_text(json.dumps({"members": members, "how": how, "strength": 0.4}))
    rewards = [
        {"source": str(tmp_path / "both.json"), "shaping": [{"name": "par"}]},
        {"source": one, "weight": 0.5, "shaping": [{"name": "min_max"}]},
        {"source": other, "weight": 0.0},
    ]
    seen: list[list[Item]] = []
    judges = {"seen": lambda items: seen.append(list(items)) or np.zeros(len(items), dtype=np.float32)}
    changes = FAST | {"rollout.rewards": [*rewards, {"source": "seen"}], "fit.epochs": 1, "rollout.references": 2}
    steps = history(train("grpo", data, model_folder, tmp_path / how, changes, judges=judges).path)
    # Asked: references, the held-out prompts, then the first rollout.
    both = np.stack([rewards_of(one, seen[2]) / 2, rewards_of(other, seen[2]) - 0.1])
    doubt = 0.4 * both.var(0)
    wanted = {"mean": both.mean(0), "wco": both.min(0), "uwo": both.mean(0) - doubt}[how]
    assert steps[0]["reward_0"] == pytest.approx(float(wanted.mean()), abs=1e-4)
    assert 0 < steps[0]["shaped_reward"] < 1.5, "a chance, and half of what lies between the least and the greatest"


def test_a_reward_that_counts_words_is_held_by_the_pull(data: Path, model_folder: Path, tmp_path: Path) -> None:
    """Nothing but brevity is rewarded: it runs away, and less far where the KL or chi-square pulls."""

    def brief(items: Sequence[Item]) -> NDArray[np.float32]:
        return np.array([-len(text.split()) for _, text in items], dtype=np.float32)

    falls = {}
    for name, pull in {
        "free": {"kl": 0.0},
        "kl": {"kl": 1.0},
        "chi_square": {"kl": 1.0, "estimator": "chi_square"},
    }.items():
        changes = FAST | {"fit.epochs": 16, "rollout.rewards": [{"source": "brief"}], **pull}
        steps = history(train("grpo", data, model_folder, tmp_path / name, changes, judges={"brief": brief}).path)
        lengths = [step["length"] for step in steps]
        falls[name] = np.mean(lengths[:4]) - np.mean(lengths[-4:])
    assert falls["free"] > 3
    assert falls["kl"] < falls["free"] / 2
    assert falls["chi_square"] < falls["free"] / 2
