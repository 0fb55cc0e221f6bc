"""Policies that learn from their own responses, whole runs: what they learn, keep, and refuse."""

from __future__ import annotations

import json
import random
import signal
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from schemas.errors import ConfigError, InputError, ModelError
from tests.training.conftest import digest, pair_row, pair_table, write_version
from training.checkpoint import read_record
from training.evaluate.ensemble import Ensemble, Member
from training.evaluate.rewards import Item
from training.jobs import settings_of
from training.objectives.policy import POLICY
from training.resume import HISTORY
from training.train import Trained, train

FAST: dict[str, Any] = {
    "fit.learning_rate": 3e-3, "fit.epochs": 8, "max_length": 64, "rollout.max_tokens": 12, "kl": 0.01,
    "rollout.prompts": 16, "rollout.rewards": [{"source": "good"}],
}  # fmt: skip
NAMES = sorted(POLICY.classes)


def good(items: Sequence[Item]) -> NDArray[np.float32]:
    """A rule that rewards: the share of words that are `good`."""
    shares = [text.split().count("good") / max(1, len(text.split())) for _, text in items]
    return np.array(shares, dtype=np.float32)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Prompts of unlike length, which a sampler has to pad."""
    rows = []
    for n in range(40):
        asked = [{"role": "user", "content": f"say w{n}" + " it" * (1 + n % 4)}]
        rows.append(pair_row(n, f"w{n} good", f"w{n} bad", prompt=asked, rejected_prompt=asked))
    return write_version(tmp_path / "data", pair_table(rows))


@pytest.fixture
def reward(model_folder: Path, data: Path, tmp_path: Path) -> Path:
    """A reward model that likes `good`."""
    changes = {"fit.learning_rate": 3e-3, "fit.epochs": 4, "max_length": 64}
    return train("reward", data, model_folder, tmp_path / "reward", changes).path


def run(job: str, data: Path, model: Path, out: Path, **changes: Any) -> Trained:
    return train(job, data, model, out, FAST | changes, judges={"good": good})


def history(folder: Path) -> list[dict[str, float]]:
    return [json.loads(line) for line in (folder / HISTORY).read_text().splitlines()]


@pytest.mark.parametrize("name", NAMES)
def test_what_is_rewarded_becomes_more(name: str, data: Path, model_folder: Path, tmp_path: Path) -> None:
    epochs = 64 if name == "remax" else 24
    trained = run(name, data, model_folder, tmp_path / name, **{"fit.epochs": epochs})
    assert trained.metrics["test_reward"] > trained.metrics["test_reward_before"] + 0.1
    assert {"kl", "kl_k2", "kl_k3", "entropy", "length", "stopped"} <= {*history(trained.path)[0]}
    assert history(trained.path)[0]["kl"] == pytest.approx(0, abs=1e-5), "the first rollout is the policy's own start"
    assert read_record(trained.path).kind == "policy"
    assert not (tmp_path / f"{name}.unfinished").exists()


def test_the_rewarded_token_becomes_nearly_all_there_is(data: Path, model_folder: Path, tmp_path: Path) -> None:
    trained = run("grpo", data, model_folder, tmp_path / "out", **{"fit.epochs": 64, "kl": 0.0})
    assert trained.metrics["test_reward_before"] < 0.1
    assert trained.metrics["test_reward"] > 0.8


def test_a_length_that_is_rewarded_is_held_by_a_pull(data: Path, model_folder: Path, tmp_path: Path) -> None:
    """A policy that is paid for every word it leaves out says next to none, but not with the KL or chi-square."""

    def brief(items: Sequence[Item]) -> NDArray[np.float32]:
        return np.array([1 - len(text.split()) / 12 for _, text in items], dtype=np.float32)

    lost = {}
    for name, more in {"none": {"kl": 0.0}, "KL": {"kl": 1.0}, "chi-square": {"estimator": "chi_square"}}.items():
        changes = FAST | {"fit.epochs": 24, "kl_in": "reward", "kl": 1.0} | more
        trained = train("grpo", data, model_folder, tmp_path / name, changes, judges={"good": brief})
        lost[name] = trained.metrics["test_length_before"] - trained.metrics["test_length"]
    assert lost["none"] > 6
    assert max(lost["KL"], lost["chi-square"]) < lost["none"] / 2


def test_what_is_not_rewarded_does_not(data: Path, model_folder: Path, tmp_path: Path) -> None:
    """Shuffled rewards: no response learns from another's."""
    chance = np.random.default_rng(0)

    def shuffled(items: Sequence[Item]) -> NDArray[np.float32]:
        return chance.permutation(good(items))

    trained = train("grpo", data, model_folder, tmp_path / "out", FAST, judges={"good": shuffled})
    assert trained.metrics["test_reward"] < 0.1


def test_a_strong_pull_keeps_the_policy(data: Path, model_folder: Path, tmp_path: Path) -> None:
    ends = {}
    for kl in (0.0, 1.0):
        more = {"kl": kl, "fit.epochs": 24}
        ends[kl] = history(run("grpo", data, model_folder, tmp_path / str(kl), **more).path)[-1]["kl_k3"]
    assert ends[1.0] < ends[0.0] / 3


def files(out: Path) -> list[str]:
    return sorted(path.name for path in out.with_name(f"{out.name}.unfinished").glob("*-*"))


@pytest.mark.parametrize(
    ("job", "more"),
    [
        ("ppo", {"rollout.passes": 2, "fit.batch_size": 32}),
        ("grpo", {"rollout.passes": 2, "fit.batch_size": 32, "lora.rank": 4}),
    ],
)
def test_a_run_that_was_killed_ends_as_if_nothing_had_happened(
    begin: Any, job: str, more: dict[str, Any], data: Path, model_folder: Path, reward: Path, tmp_path: Path
) -> None:
    """SIGKILL while it samples, learns or writes; the transforms of the reward remember what they saw, too."""
    shaping = [{"name": "standardise"}]
    changes = FAST | {"fit.checkpoint_minutes": 0, "rollout.rewards": [{"source": str(reward), "shaping": shaping}]}
    changes |= more
    whole, out, chance = tmp_path / "whole", tmp_path / "killed", random.Random(job)
    assert begin(job, data, model_folder, whole, changes).wait() == 0
    before = files(out)
    process = begin(job, data, model_folder, out, changes)
    for _ in range(chance.randint(3, 8)):
        while files(out) == before:
            assert not process.is_over, "the run ended, or failed, before it was killed"
            time.sleep(0.002)
        before = files(out)
    time.sleep(chance.uniform(0, 0.2))
    process.kill()
    assert process.wait() == -signal.SIGKILL, "the run ended before it was killed"
    assert begin(job, data, model_folder, out, changes).wait() == 0
    for file in ("model.safetensors", "training.json", HISTORY):
        sums = {digest(folder / file) for folder in (whole, out)}
        assert len(sums) == 1, file


def test_a_critic_learns_before_the_policy_does(data: Path, model_folder: Path, reward: Path, tmp_path: Path) -> None:
    """It starts as the model that rewards. Its first rollouts leave the policy where it was."""
    rewards = [{"source": str(reward)}]
    trained = run(
        "ppo", data, model_folder, tmp_path / "out", critic=str(reward), critic_rollouts=8, critic_rate=10.0,
        **{"rollout.rewards": rewards, "fit.warmup": 0, "fit.schedule": "constant", "fit.learning_rate": 1e-3},
    )  # fmt: skip
    steps = history(trained.path)
    assert all(step["kl"] == pytest.approx(0, abs=1e-5) for step in steps[:8])
    assert abs(steps[-1]["kl"]) > 1e-3
    assert steps[7]["value_loss"] < steps[0]["value_loss"]


def test_rewards_are_weighed_shaped_and_added(data: Path, model_folder: Path, reward: Path, tmp_path: Path) -> None:
    halves = [
        {"source": "good", "weight": 2.0, "shaping": [{"name": "clip"}]},
        {"source": str(reward), "weight": 0.25},
    ]
    steps = history(run("rloo", data, model_folder, tmp_path / "out", **{"rollout.rewards": halves}).path)
    for step in steps:
        assert step["reward"] == pytest.approx(2 * step["reward_0"] + 0.25 * step["reward_1"], abs=1e-5)
    assert any(abs(step["shaped_reward"] - step["reward"]) > 1e-3 for step in steps), "one part is clipped"


def test_a_transform_compares_with_the_policy_as_it_started(data: Path, model_folder: Path, tmp_path: Path) -> None:
    par = [{"source": "good", "shaping": [{"name": "par"}]}]
    more = {"rollout.rewards": par, "fit.epochs": 24}
    steps = history(run("grpo", data, model_folder, tmp_path / "out", **more).path)
    assert steps[0]["shaped_reward"] == pytest.approx(0.5, abs=0.05), "no better than its own other responses"
    assert steps[-1]["shaped_reward"] > steps[0]["shaped_reward"] + 0.02


def test_an_ensemble_rewards(data: Path, model_folder: Path, reward: Path, tmp_path: Path) -> None:
    ensemble = Ensemble(members=tuple(Member(model=str(reward), mean=mean, std=2.0) for mean in (0.0, 1.0)), how="wco")
    (tmp_path / "wco.json").write_text(ensemble.model_dump_json())
    settings = {"rollout.rewards": [{"source": str(tmp_path / "wco.json")}], "fit.epochs": 1}
    both = [
        history(
            run(
                "rloo", data, model_folder, tmp_path / name, **settings | {"rollout.rewards": [{"source": source}]}
            ).path
        )
        for name, source in (("wco", str(tmp_path / "wco.json")), ("one", str(reward)))
    ]
    assert both[0][0]["reward"] == pytest.approx((both[1][0]["reward"] - 1) / 2, abs=1e-4)


def test_what_a_judge_does_not_say_is_the_mean_of_the_rest(data: Path, model_folder: Path, tmp_path: Path) -> None:
    def half(items: Sequence[Item]) -> NDArray[np.float32]:
        found = good(items) + 1
        found[::2] = np.nan
        return found

    steps = history(train("rloo", data, model_folder, tmp_path / "out", FAST, judges={"good": half}).path)
    assert all(step["reward"] >= 1 for step in steps)


def test_a_response_that_is_cut_off_costs(data: Path, model_folder: Path, tmp_path: Path) -> None:
    first = history(run("rloo", data, model_folder, tmp_path / "out", **{"rollout.cut_off": 3.0}).path)[0]
    assert first["shaped_reward"] == pytest.approx(first["reward"] - 3 * (1 - first["stopped"]), abs=1e-5)


@pytest.mark.parametrize(
    ("changes", "error", "says"),
    [
        ({"rollout.rewards": []}, ConfigError, "Name what rewards"),
        ({"rollout.samples": 1}, ConfigError, "set rollout.samples to 2 or more"),
        ({"rollout.max_tokens": 62}, InputError, "raise max_length"),
        ({"fit.patience": 3}, ConfigError, "leave fit.patience out"),
    ],
)
def test_what_cannot_be_says_why(
    changes: dict[str, Any], error: type[Exception], says: str, data: Path, model_folder: Path, tmp_path: Path
) -> None:
    with pytest.raises(error, match=says):
        run("grpo", data, model_folder, tmp_path / "out", **changes)


@pytest.mark.parametrize(
    ("job", "more", "says"),
    [
        ("dpo", {}, "dpo learns from pairs"),
        ("grpo", {"rollout.sampler": "vllm", "lora.rank": 4}, "vllm is given whole weights"),
    ],
)
def test_settings_that_contradict_each_other(job: str, more: dict[str, Any], says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        settings_of(job, {"rollout.prompts": 4} | more)


def test_a_policy_is_no_reward(data: Path, model_folder: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="has no reward head"):
        run("grpo", data, model_folder, tmp_path / "out", **{"rollout.rewards": [{"source": str(model_folder)}]})


def test_the_same_run_gives_the_same_bytes(data: Path, model_folder: Path, tmp_path: Path) -> None:
    one, two = (run("grpo", data, model_folder, tmp_path / name).path for name in ("one", "two"))
    assert (one / HISTORY).read_text() == (two / HISTORY).read_text()
    other = run("grpo", data, model_folder, tmp_path / "other", **{"fit.seed": 1}).path
    assert (one / HISTORY).read_text() != (other / HISTORY).read_text()


def test_settings_come_back_from_their_json() -> None:
    shaped = [{"source": "good", "shaping": [{"name": "par"}], "weight": 0.5}]
    settings = settings_of("grpo", FAST | {"rollout.rewards": shaped, "rollout.sampler": "vllm"})
    stored = settings.model_dump(mode="json")
    again = settings_of("grpo", {"rollout": stored["rollout"], "fit": stored["fit"], "max_length": 64, "kl": 0.01})
    assert again == settings
