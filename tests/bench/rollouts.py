"""Iterations of online training in the simulated world: rollouts beside bare vLLM, GRPO beside TRL's GRPOTrainer.

Both sides sample as many responses of the same policy to the same prompts, reward them by the same model, look at the
same kind of reference, and take one step on all; medians over iterations, of which the first two are left out.
"""

import argparse
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any

import torch
from datasets import Dataset
from transformers import TrainerCallback

from flows.sandbox import HELD_OUT, prompts, ready_sandbox
from tests.bench.figures import Bars, say
from training.checkpoint import load_policy, load_reward, save
from training.evaluate.rewards import Item
from training.evaluate.subject import opened
from training.jobs import settings_of
from training.loop import walk
from training.objectives.policy import Policy
from training.online import Online
from training.rollout import Prompt
from training.rollout.rewards import Composition
from training.rollout.samplers import Engine, Sampling
from training.tokens import encode_prompts

SAMPLES = 8
MAX_TOKENS = 32
LEFT_OUT = 2
VLLM = {"name": "vllm", "dtype": "float32", "max_model_len": 256, "enforce_eager": True}


def settings(count: int, sampler: Any) -> Any:
    changes = {
        "fit.learning_rate": 1e-5, "fit.batch_size": count * SAMPLES, "fit.epochs": 1, "max_length": 128, "kl": 0.05,
        "rollout.prompts": count, "rollout.samples": SAMPLES, "rollout.max_tokens": MAX_TOKENS,
        "rollout.rewards": [{"source": "reward"}], "rollout.sampler": sampler, "fit.warmup": 0,
    }  # fmt: skip
    return settings_of("grpo", changes)


@contextmanager
def started(base: Path, sampler: Any, count: int, texts: list[str], reward: Path, out: Path) -> Iterator[Any]:
    """Our iterations, not yet begun: the run, its scorer, its engine, and its settings."""
    wanted, loaded = settings(count, sampler), load_policy(base)
    objective: Policy = wanted.objective
    scorer = objective.scorer(loaded.model)
    turns = [[{"role": "user", "content": text}] for text in texts]
    asked = [Prompt(*one) for one in zip(texts, turns, encode_prompts(loaded.tokenizer, turns), strict=True)]
    rewards = Composition(wanted.rollout.rewards, {"reward": opened(str(reward))})
    with wanted.rollout.sampler.start(loaded, str(base)) as engine:
        yield Online(objective, wanted.fit, wanted.rollout, asked, loaded, scorer, engine, rewards, out), wanted


def ours(base: Path, sampler: Any, count: int, texts: list[str], reward: Path, out: Path) -> tuple[float, float]:
    """Median seconds of an iteration, and of handing the weights over."""
    with started(base, sampler, count, texts, reward, out) as (steps, wanted):
        pushes: list[float] = []
        steps.engine = Engine(steps.engine.sample, timed(steps.engine.awake, pushes))
        times = [time.perf_counter()]
        for _ in walk(steps.scorer, steps, wanted.objective.loss_of, wanted.fit, folder=None):
            times.append(time.perf_counter())
    seconds = [after - before for before, after in pairwise(times)]
    return median(seconds[LEFT_OUT:]), median(pushes[LEFT_OUT:])


def timed(awake: Callable[[], AbstractContextManager[None]], seconds: list[float]) -> Any:
    """The same, which notes how long it takes to enter."""

    @contextmanager
    def watched() -> Iterator[None]:
        begun = time.perf_counter()
        with awake():
            seconds.append(time.perf_counter() - begun)
            yield

    return watched


class Clock(TrainerCallback):
    def __init__(self) -> None:
        self.times: list[float] = []

    def on_step_begin(self, *_: Any, **__: Any) -> None:
        if not self.times:
            self.times.append(time.perf_counter())

    def on_step_end(self, *_: Any, **__: Any) -> None:
        self.times.append(time.perf_counter())


def theirs(base: Path, count: int, texts: list[str], reward: Path, out: Path) -> float:
    """Median seconds of a step of TRL's GRPOTrainer, which samples, rewards and learns in it."""
    from trl import GRPOConfig, GRPOTrainer

    score, clock = opened(str(reward)), Clock()

    def rewarded(prompts: list[Any], completions: list[Any], **_: Any) -> list[float]:
        items: list[Item] = [(asked, said[0]["content"]) for asked, said in zip(prompts, completions, strict=True)]
        return score(items).tolist()

    config = GRPOConfig(
        str(out), max_steps=len(texts) // count, per_device_train_batch_size=count * SAMPLES,
        num_generations=SAMPLES, max_completion_length=MAX_TOKENS, beta=0.05, learning_rate=1e-5, bf16=False,
        use_cpu=not torch.cuda.is_available(), gradient_checkpointing=False, save_strategy="no", report_to="none",
        disable_tqdm=True, temperature=1.0,
    )  # fmt: skip
    data = Dataset.from_dict({"prompt": [[{"role": "user", "content": text}] for text in texts]})
    loaded = load_policy(base)
    GRPOTrainer(
        loaded.model, rewarded, config, train_dataset=data, processing_class=loaded.tokenizer, callbacks=[clock]
    ).train()
    seconds = [after - before for before, after in pairwise(clock.times)]
    return median(seconds[LEFT_OUT:])


def beside_vllm(base: Path, texts: list[str], rounds: int) -> float:
    """Our sampler's seconds over those of vLLM's own `generate`, for the same prompts and seeds in one engine."""
    from vllm import SamplingParams

    loaded = load_policy(base)
    ids = [one for one in encode_prompts(loaded.tokenizer, [[{"role": "user", "content": t}] for t in texts])]
    asked = [one for one in ids for _ in range(SAMPLES)]
    seeds = list(range(len(asked)))
    sampler = settings(1, VLLM).rollout.sampler
    mine, bare = [], []
    with sampler.start(loaded, str(base)) as engine, engine.awake():
        llm = engine.sample.args[0]  # pyright: ignore[reportFunctionMemberAccess]
        sampling = Sampling(temperature=1.0, max_tokens=MAX_TOKENS)
        for turn in range(rounds + 1):
            begun = time.perf_counter()
            engine.sample(asked, seeds, sampling)
            middle = time.perf_counter()
            params = [SamplingParams(temperature=1.0, max_tokens=MAX_TOKENS, seed=seed) for seed in seeds]
            llm.generate([{"prompt_token_ids": one} for one in asked], params, use_tqdm=False)
            if turn:
                mine.append(middle - begun)
                bare.append(time.perf_counter() - middle)
    say(f"{len(asked)} responses: {median(mine):.2f} s, bare vLLM {median(bare):.2f} s")
    return median(mine) / median(bare)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--prompts", type=int, default=16, help="of a rollout")
    parser.add_argument("--iterations", type=int, default=7)
    wanted = parser.parse_args()
    base, bars = ready_sandbox() / "pool" / "base", Bars()
    texts = prompts(HELD_OUT, wanted.prompts * wanted.iterations)
    with tempfile.TemporaryDirectory() as name:
        out = Path(name)
        reward = save(out / "reward", load_reward(base, seed=1))
        plain, _ = ours(base, "transformers", wanted.prompts, texts, reward, out / "plain")
        trl = theirs(base, wanted.prompts, texts, reward, out / "trl")
        say(f"an iteration: {plain:.2f} s, TRL {trl:.2f} s")
        bars.add("GRPO iterations beside TRL's", trl / plain, 1.5, most=False, unit=" x")
        served, push = ours(base, VLLM, wanted.prompts, texts, reward, out / "vllm")
        say(f"an iteration with vLLM: {served:.2f} s, of which {1000 * push:.0f} ms are new weights")
        bars.add("share of an iteration that hands weights over", push / served, 0.05)
        bars.add("rollouts beside bare vLLM", beside_vllm(base, texts[: 4 * wanted.prompts], 5), 1.15, unit=" x")
    bars.end()


if __name__ == "__main__":
    main()
