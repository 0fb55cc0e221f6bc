"""What policies gain in the simulated world, by gold on held-out prompts: `make bench-policies`.

The demo's recipe makes pairs of its tiny judge's opinions; a reward model learns them; every method starts from the
same policy with the same pairs or that reward model. Iterated DPO learns from that model's best and worst of eight
answers, three times on a third of the prompts each (`online_dpo`), or once on all of them (`offline_dpo`): as many
answers, labels and steps. Gold is read at the end alone. Gains are paired by prompt, over all seeds, with 95 %
intervals over prompts.
"""

import argparse
import tempfile
import time
from collections.abc import Mapping, Sequence
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from flows.curate import curate
from flows.iterate import iterations
from flows.models import located
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
from training.progress import shown
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
SAMPLED = {
    "fit.batch_size": 64, "fit.learning_rate": 2e-4, "rollout.max_tokens": 32, "rollout.prompts": 16,
    "rollout.samples": 4, "kl": 0.05,
}  # fmt: skip
METHODS: dict[str, dict[str, Any]] = {
    "dpo": PAIRS | {"beta": 0.2},
    "ipo": PAIRS | {"beta": 0.2},
    "kto": PAIRS | {"beta": 0.2},
    "simpo": PAIRS | {"beta": 2.0, "gamma_ratio": 0.5},
    "grpo": SAMPLED,
    "rloo": SAMPLED,
    "reinforce": SAMPLED,
    "remax": SAMPLED,
    "ppo": SAMPLED | {"critic_rollouts": 5},
}
ITERATED = {"online_dpo": 3, "offline_dpo": 1}
"""Iterations, each on as many of the prompts."""
ONLINE_RECIPE = RECIPE.with_name("online.yaml")
PROMPTS = "sandbox/train"


def judged_version(warehouse: Path, count: int) -> Path:
    """An export of the judge's pairs on `count` prompts that are not held out."""
    path = write_prompts(warehouse / "inputs" / "train.jsonl", prompts(HELD_OUT, count)).resolve()
    Lake.create(warehouse).con.close()
    imports = [{"format": {"name": "prompts", "source": PROMPTS}, "paths": [str(path)]}]
    with prefect_server(warehouse):
        label = curate(str(RECIPE), str(warehouse.resolve()), {"imports": imports, "prompts.sources": [PROMPTS]})
    assert label is not None
    with Lake.open(warehouse) as lake:
        return export(lake, find_version(lake, label), warehouse / "export")


def trained(
    job: str, pairs: pa.Table, out: Path, changes: Mapping[str, Any], start: Path | None = None
) -> tuple[Path, dict[str, float]]:
    """`job` from `start`, or the base policy, on pairs at hand, saved to `out`; its figures.

    Runs side by side from one start share a reference.
    """
    settings = settings_of(job, changes)
    loaded = load(settings, start or ready_sandbox() / "pool" / "base")
    version = Version(dataset=out.name, version=1, fingerprint="", pairs=pairs)
    unfinished, cache = out.with_name(f"{out.name}.unfinished"), out.parent / "reference"
    with shown() as report:
        _, figures = run(settings, version, loaded, unfinished, report, cache)
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
    parser.add_argument("methods", nargs="*", help=", ".join([*METHODS, *ITERATED]))
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
        runs = Runs(warehouse, data, base, Path(reward.path), out, settings)
        gains = {method: measure(runs, method, before, texts) for method in settings.methods or [*METHODS, *ITERATED]}
        for method, gain in gains.items():
            bars.add(f"gain of {method}, lower end", mean_interval(gain, texts).low, 0.0, most=False)
        for one, other in product(("ppo", "grpo", "online_dpo"), ("dpo", "offline_dpo")):
            if {one, other} <= gains.keys():
                more = mean_interval(gains[one] - gains[other], texts)
                say(f"{one} beside {other}: {more.value:+.3f} [{more.low:+.3f}, {more.high:+.3f}]")
                if one == "online_dpo" and other == "offline_dpo":
                    bars.add("gain of online beside offline DPO, lower end", more.low, 0.0, most=False)
    bars.end()


class Runs(NamedTuple):
    """What all methods have in common."""

    warehouse: Path
    data: Path
    base: Path
    reward: Path
    out: Path
    settings: Any

    def trained(self, method: str, seed: int) -> tuple[Path, float]:
        """A policy, and how much more the reward model makes of its answers; NaN where it was not asked."""
        changes = METHODS[method] | {"max_length": 128, "fit.seed": seed}
        if method in POLICY.classes:
            count = self.settings.rollouts * changes["rollout.prompts"] / (self.settings.prompts * 0.9)
            changes |= {"rollout.rewards": [{"source": str(self.reward)}], "fit.epochs": count}
            changes |= {"critic": str(self.reward)} if method == "ppo" else {}
        made = train(method, self.data, self.base, self.out / f"{method}-{seed}", changes)
        return made.path, made.metrics.get("test_reward", np.nan) - made.metrics.get("test_reward_before", np.nan)

    def iterated(self, method: str, seed: int) -> Path:
        """The last policy of online DPO, the prompts in as many parts as it has iterations."""
        changes = {
            "seed": seed,
            "prompts.sources": [PROMPTS],
            "engines": {str(self.reward): {"name": "reward_model"}},
            "judges": [{"name": "reward_model", "model": str(self.reward)}],
            "publish.dataset": f"{method}-{seed}",
            "train.0.settings.fit.seed": seed,
        }
        with Lake.open(self.warehouse) as lake:
            *_, last = iterations(lake, load_recipe(ONLINE_RECIPE, changes), ITERATED[method])
            return Path(located(lake, f"{last}/dpo"))


def measure(runs: Runs, method: str, before: np.ndarray, texts: Sequence[str]) -> np.ndarray:
    """[N] what a method gained on each text, mean over the seeds."""
    gains, rewards, started = [], [], time.perf_counter()
    for seed in range(runs.settings.seeds):
        made, reward = (runs.iterated(method, seed), np.nan) if method in ITERATED else runs.trained(method, seed)
        gains.append(gold_of(made, texts) - before)
        rewards.append(reward)
    gain = np.mean(gains, axis=0)
    found = mean_interval(gain, texts)
    each = ", ".join(f"{one.mean():+.3f}" for one in gains)
    seconds = (time.perf_counter() - started) / runs.settings.seeds
    proxy = "" if np.isnan(rewards).all() else f", proxy {np.mean(rewards):+.2f}"
    say(f"{method}: {found.value:+.3f} [{found.low:+.3f}, {found.high:+.3f}] ({each}){proxy}, {seconds:.0f} s a run")
    return gain


if __name__ == "__main__":
    main()
