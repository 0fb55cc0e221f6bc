"""What policies gain in the simulated world, by gold on held-out prompts: `make bench-policies`.

The demo's recipe makes pairs of its tiny judge's opinions; a reward model learns them; every method starts from the
same policy with the same pairs or that reward model. Gold is read at the end alone. Gains are paired by prompt, over
all seeds, with 95 % intervals over prompts.
"""

import argparse
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from flows.curate import curate
from flows.recipe import load as load_recipe
from flows.sandbox import HELD_OUT, RECIPE, prompts, ready_sandbox, write_prompts
from flows.server import prefect_server
from tests.bench.figures import Bars, say
from training.checkpoint import load_policy, save
from training.data import Version
from training.evaluate.intervals import mean_interval
from training.evaluate.sandbox import golds
from training.jobs import settings_of
from training.objectives.policy import POLICY
from training.progress import silent
from training.rollout import Prompt
from training.rollout.responses import sample, texts_of
from training.rollout.samplers import Sampling
from training.rollout.samplers.transformers import Transformers
from training.tokens import encode_prompts
from training.train import load, run, train
from warehouse.export import export
from warehouse.lake import Lake
from warehouse.versions import find_version

ANSWERS = 2
"""To every held-out prompt, by each policy."""
ASKED = Sampling(temperature=1.0, max_tokens=32)
PAIRS = {"fit.epochs": 1, "fit.batch_size": 64, "fit.learning_rate": 1e-4}
ONLINE = {
    "fit.batch_size": 64, "fit.learning_rate": 2e-4, "rollout.max_tokens": 32, "rollout.prompts": 16,
    "rollout.samples": 4, "kl": 0.05,
}  # fmt: skip
METHODS: dict[str, dict[str, Any]] = {
    "dpo": PAIRS | {"beta": 0.2},
    "ipo": PAIRS | {"beta": 0.2},
    "kto": PAIRS | {"beta": 0.2},
    "simpo": PAIRS | {"beta": 2.0, "gamma_ratio": 0.5},
    "grpo": ONLINE,
    "rloo": ONLINE,
    "reinforce": ONLINE,
    "remax": ONLINE,
    "ppo": ONLINE | {"critic_rollouts": 5},
}


def judged_version(warehouse: Path, count: int) -> Path:
    """An export of the judge's pairs on `count` prompts that are not held out."""
    path = write_prompts(warehouse / "inputs" / "train.jsonl", prompts(HELD_OUT, count)).resolve()
    Lake.create(warehouse).con.close()
    imports = [{"format": {"name": "prompts", "source": "sandbox/train"}, "paths": [str(path)]}]
    with prefect_server(warehouse):
        label = curate(
            str(RECIPE), str(warehouse.resolve()), {"imports": imports, "prompts.sources": ["sandbox/train"]}
        )
    assert label is not None
    with Lake.open(warehouse) as lake:
        return export(lake, find_version(lake, label), warehouse / "export")


def trained(job: str, pairs: pa.Table, out: Path, changes: Mapping[str, Any]) -> tuple[Path, dict[str, float]]:
    """`job` from the base policy on pairs at hand, saved to `out`; its figures. Runs side by side share a reference."""
    settings = settings_of(job, changes)
    loaded = load(settings, ready_sandbox() / "pool" / "base")
    version = Version(dataset=out.name, version=1, fingerprint="", pairs=pairs)
    unfinished, cache = out.with_name(f"{out.name}.unfinished"), out.parent / "reference"
    _, figures = run(settings, version, loaded, unfinished, silent, cache)
    return save(out, loaded), figures


def answers(model: Path | str, texts: Sequence[str]) -> list[str]:
    """ANSWERS of a policy to every text, text by text, under seeds that depend on the text alone."""
    loaded = load_policy(model)
    messages = [[{"role": "user", "content": text}] for text in texts]
    asked = map(Prompt, texts, messages, encode_prompts(loaded.tokenizer, messages))
    with Transformers().start(loaded, str(model)) as engine, engine.awake():
        return texts_of(loaded, sample(engine, list(asked), ANSWERS, ASKED, "held out"))


def gold_of(model: Path | str, texts: Sequence[str]) -> np.ndarray:
    """[N] mean gold of a policy's answers to each text."""
    asked = [text for text in texts for _ in range(ANSWERS)]
    return golds(asked, answers(model, texts)).reshape(len(texts), ANSWERS).mean(1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("methods", nargs="*", help=", ".join(METHODS))
    parser.add_argument("--prompts", type=int, default=400, help="whose answers are judged and learned from")
    parser.add_argument("--held-out", type=int, default=500)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--rollouts", type=int, default=60)
    parser.add_argument("--warehouse", type=Path, help="keep the judge's pairs there, or find them there")
    settings = parser.parse_args()
    texts, bars = prompts(0, settings.held_out), Bars()
    base = ready_sandbox() / "pool" / "base"
    with tempfile.TemporaryDirectory() as name:
        warehouse, out = settings.warehouse or Path(name) / "warehouse", Path(name)
        data = warehouse / "export"
        if not data.is_dir():
            data = judged_version(warehouse, settings.prompts)
        known = next(job for job in load_recipe(RECIPE).train if job.job == "reward")
        reward = train("reward", data, base, out / "reward", known.resolved)
        before = gold_of(base, texts)
        right = reward.metrics["test_accuracy"]
        say(f"base: gold {before.mean():.3f}; the reward model orders {right:.3f} of held-out pairs as the judge does")
        for method in settings.methods or METHODS:
            bars.add(
                f"gain of {method}, lower end",
                measure(method, data, base, reward.path, out, before, texts, settings),
                0.0,
                most=False,
            )
    bars.end()


def measure(
    method: str,
    data: Path,
    base: Path,
    reward: Path,
    out: Path,
    before: np.ndarray,
    texts: Sequence[str],
    settings: Any,
) -> float:
    """Train by one method under every seed; say what it gained. Returns the lower end of the gain."""
    gains, rewards, started = [], [], time.perf_counter()
    for seed in range(settings.seeds):
        changes = METHODS[method] | {"max_length": 128, "fit.seed": seed}
        if method in POLICY.classes:
            count = settings.rollouts * changes["rollout.prompts"] / (settings.prompts * 0.9)
            changes |= {"rollout.rewards": [{"source": str(reward)}], "fit.epochs": count}
            changes |= {"critic": str(reward)} if method == "ppo" else {}
        trained = train(method, data, base, out / f"{method}-{seed}", changes)
        gains.append(gold_of(trained.path, texts) - before)
        rewards.append(
            trained.metrics.get("test_reward", float("nan")) - trained.metrics.get("test_reward_before", float("nan"))
        )
    found = mean_interval(np.mean(gains, axis=0), texts)
    each = ", ".join(f"{one.mean():+.3f}" for one in gains)
    seconds = (time.perf_counter() - started) / settings.seeds
    proxy = "" if np.isnan(rewards).all() else f", proxy {np.mean(rewards):+.2f}"
    say(f"{method}: {found.value:+.3f} [{found.low:+.3f}, {found.high:+.3f}] ({each}){proxy}, {seconds:.0f} s a run")
    return found.low


if __name__ == "__main__":
    main()
