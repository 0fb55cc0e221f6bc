from __future__ import annotations

import json
import random
import signal
import time
from pathlib import Path
from typing import Any

import pytest

from schemas.errors import ConfigError
from tests.training.conftest import digest, pair_row, pair_table, write_version
from training.checkpoint import read_record
from training.jobs import settings_of
from training.resume import claim
from training.train import train

FILES = ("model.safetensors", "training.json", "history.jsonl", "config.json")


def steps(out: Path) -> list[str]:
    return sorted(path.name for path in out.with_name(f"{out.name}.unfinished").glob("step-*"))


@pytest.mark.parametrize(
    ("job", "more"),
    [("reward", {"fit.patience": 30, "held_out": 0.2}), ("dpo", {"lora.rank": 4})],
)
def test_a_run_that_was_killed_ends_as_if_nothing_had_happened(
    begin: Any, job: str, more: dict[str, object], version_folder: Path, model_folder: Path, tmp_path: Path
) -> None:
    """SIGKILL twice, each time after some more steps, at any place: between two steps or while it writes."""
    changes = {"fit.batch_size": 4, "fit.learning_rate": 3e-3, "fit.epochs": 15, "max_length": 64, **more}
    changes |= {"fit.checkpoint_minutes": 0, "fit.measure_steps": 3}
    whole, out, chance = tmp_path / "whole", tmp_path / "killed", random.Random(job)
    assert begin(job, version_folder, model_folder, whole, changes).wait() == 0
    for _ in range(2):
        before, run = steps(out), begin(job, version_folder, model_folder, out, changes)
        while steps(out) == before:
            assert not run.is_over, "the run ended, or failed, before it was killed"
            time.sleep(0.002)
        time.sleep(chance.uniform(0, 0.2))
        run.kill()
        assert run.wait() == -signal.SIGKILL, "the run ended before it was killed"
        assert not out.exists()
        assert steps(out) > before
    assert begin(job, version_folder, model_folder, out, changes).wait() == 0
    assert {file: digest(out / file) for file in FILES} == {file: digest(whole / file) for file in FILES}
    assert not out.with_name("killed.unfinished").exists()


def test_a_run_that_goes_on_shows_the_steps_it_had(version_folder: Path, model_folder: Path, tmp_path: Path) -> None:
    changes = {"fit.batch_size": 8, "fit.checkpoint_minutes": 0, "max_length": 64}

    def stop(stage: str, done: int, total: int, metrics: object = None) -> None:
        if (stage, done) == ("train", 3):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train("reward", version_folder, model_folder, tmp_path / "out", changes, report=stop)
    seen: list[int] = []

    def note(stage: str, done: int, total: int, metrics: object = None) -> None:
        if stage == "train":
            seen.append(done)

    train("reward", version_folder, model_folder, tmp_path / "out", changes, report=note)
    assert seen == [1, 2, 3, 4]


def test_an_unfinished_run_is_not_thrown_away_by_another(tmp_path: Path) -> None:
    claim(tmp_path / "out.unfinished", {"seed": 1})
    claim(tmp_path / "out.unfinished", {"seed": 1})
    with pytest.raises(ConfigError, match="has not ended"):
        claim(tmp_path / "out.unfinished", {"seed": 2})


def test_how_often_a_run_is_kept_does_not_change_it(version_folder: Path, model_folder: Path, tmp_path: Path) -> None:
    fast = {"fit.batch_size": 8, "max_length": 64}
    often, never = (
        train("dpo", version_folder, model_folder, tmp_path / str(minutes), fast | {"fit.checkpoint_minutes": minutes})
        for minutes in (0, 1e9)
    )
    assert digest(often.path / "model.safetensors") == digest(never.path / "model.safetensors")
    assert often.record == never.record


def noisy_version(folder: Path) -> Path:
    """80 pairs whose labels are chance: what a model learns of them is wrong elsewhere."""
    chance = random.Random(0)
    sides = [chance.sample([f"w{n % 40} good", f"w{n % 40} bad"], 2) for n in range(80)]
    return write_version(folder, pair_table([pair_row(n, *both) for n, both in enumerate(sides)]))


def test_early_stopping_takes_the_weights_with_the_least_held_out_loss(model_folder: Path, tmp_path: Path) -> None:
    data = noisy_version(tmp_path / "data")
    changes = {
        "fit.batch_size": 8, "fit.learning_rate": 3e-3, "fit.schedule": "constant", "fit.warmup": 0,
        "fit.patience": 3, "fit.measure_steps": 2, "held_out": 0.4, "max_length": 64,
    }  # fmt: skip
    stopped = train("reward", data, model_folder, tmp_path / "stopped", changes | {"fit.epochs": 30})
    history = [json.loads(line) for line in (stopped.path / "history.jsonl").read_text().splitlines()]
    losses = {step["step"]: step["held_out_loss"] for step in history if "held_out_loss" in step}
    best = min(losses, key=losses.__getitem__)
    assert len(history) == best + 3 * 2 < history[0]["total_steps"]
    assert (stopped.metrics["train_step"], stopped.metrics["train_held_out_loss"]) == (best, losses[best])
    # A run that ends at that step by itself has these weights.
    short = changes | {"fit.epochs": 30 * best / history[0]["total_steps"]}
    exact = train("reward", data, model_folder, tmp_path / "exact", short)
    assert digest(exact.path / "model.safetensors") == digest(stopped.path / "model.safetensors")


def test_held_out_pairs_are_counted_and_not_learned(model_folder: Path, tmp_path: Path) -> None:
    data = noisy_version(tmp_path / "data")
    changes = {"fit.patience": 3, "held_out": 0.4, "max_length": 64}
    metrics = read_record(train("reward", data, model_folder, tmp_path / "out", changes).path).metrics
    assert metrics["train_kept"] + metrics["held_out_kept"] + metrics["test_kept"] == 80
    assert 10 < metrics["held_out_kept"] < 40


@pytest.mark.parametrize("name", ["wandb", "tensorbored"])
def test_a_tracker_that_is_not_installed_is_refused(name: str) -> None:
    with pytest.raises(ConfigError, match=f"fit.trackers: .*{name} is not installed; .* one of all, tensorboard"):
        settings_of("reward", {"fit.trackers": [name]})


def test_metrics_go_to_trackers(version_folder: Path, model_folder: Path, tmp_path: Path) -> None:
    changes = {"fit.batch_size": 8, "fit.trackers": ["tensorboard"], "max_length": 64}
    trained = train("reward", version_folder, model_folder, tmp_path / "out", changes)
    events = [path for path in (tmp_path / "out.logs").rglob("*tfevents*") if b"grad_norm" in path.read_bytes()]
    assert events
    assert "trackers" not in trained.record.settings["fit"]
