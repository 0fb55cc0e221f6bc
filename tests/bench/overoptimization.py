"""Over-optimisation in the sandbox: reward models on noisy labels choose the best of n, alone and as ensembles.

Labels are gold's on two samples of the base policy, a quarter of them turned round, once for all members. Members
start from the base policy and differ in their heads, in the order of the data, and in the data: each is trained on as
many pairs, drawn from all with replacement. Seeds differ in prompts, samples,
noise and members; the held-out prompts are the same for all. One model is the mean of what each member does alone.
The setting is one in which members disagree; the README of training says what others showed.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal

import numpy as np
import polars as pl
import pyarrow as pa
import torch
from numpy.typing import NDArray

from curation.engines import ENGINES
from flows.overoptimization import curve_plot
from flows.sandbox import HELD_OUT, prompts, sandbox_path
from schemas.calls import Reply, Request, Sampling
from tests.bench.figures import Bars, say
from training.checkpoint import Loaded, load_reward
from training.evaluate.ensemble import Ensemble
from training.evaluate.intervals import Interval, difference_interval
from training.evaluate.overoptimization import Curve, best_of_n_curve
from training.evaluate.rewards import rewards_of
from training.evaluate.sandbox import golds
from training.loop import fit
from training.objectives.reward.bradley_terry import BradleyTerry
from training.prepare import prepare_pairs
from training.score import RewardScorer
from training.settings import FitSettings

SAMPLING = Sampling(temperature=1.0, max_tokens=32)
MAX_TOKENS = 128
NOISE = 0.25
COUNTS = (1, 2, 4, 8, 16, 32, 64)
HOWS: tuple[Literal["mean", "wco", "uwo"], ...] = ("mean", "wco", "uwo")
FIT = FitSettings(epochs=3, batch_size=32, learning_rate=1e-3)


def sampled(texts: Sequence[str], samples: int, seed: int) -> list[list[str]]:
    """[P][N] answers of the base policy."""
    seeds = iter(np.random.default_rng(seed).integers(2**31, size=len(texts) * samples).tolist())
    requests = [
        Request(messages=tuple(asked(text)), sampling=SAMPLING, seed=next(seeds), purpose="response")
        for text in texts
        for _ in range(samples)
    ]
    engine = ENGINES.build({"name": "transformers", "dtype": "float32", "batch_size": 512})
    with engine.start(str(sandbox_path("base"))) as answer:
        replies = [reply.text for _, reply in answer(requests) if isinstance(reply, Reply)]
    return [replies[at : at + samples] for at in range(0, len(replies), samples)]


def asked(text: str) -> list[dict[str, str]]:
    return [{"role": "user", "content": text}]


def noisy_pairs(count: int, seed: int) -> pa.Table:
    """Pairs of prompts of their own for every seed, with a share of NOISE turned round."""
    texts = prompts(HELD_OUT + seed * count, count)
    chance, rows = np.random.default_rng(seed), []
    for text, answers in zip(texts, sampled(texts, 2, 1000 + seed), strict=True):
        first, second = golds([text] * 2, answers)
        if first != second:
            better = (first > second) != (chance.random() < NOISE)
            chosen, rejected = answers if better else answers[::-1]
            side = {"prompt": asked(text), "rejected_prompt": asked(text), "chosen": chosen, "rejected": rejected}
            rows.append(side | {"margin": 0.0, "weight": 1.0, "soft_label": 1.0})
    return pa.Table.from_pylist(rows)


def reward_model(pairs: pa.Table, seed: int) -> Loaded:
    """One reward model, learned from some pairs."""
    loaded = load_reward(sandbox_path("base"), seed=seed)
    examples = prepare_pairs(pairs, loaded.tokenizer, MAX_TOKENS).examples
    settings = FIT.model_copy(update={"seed": seed})
    *_, _last = fit(RewardScorer(loaded.model), examples, BradleyTerry().loss_of, settings)
    return loaded


def member(pairs: pa.Table, seed: int) -> Loaded:
    """One reward model, learned from as many pairs, drawn with replacement."""
    drawn = np.random.default_rng(seed).integers(pairs.num_rows, size=pairs.num_rows)
    return reward_model(pairs.take(pa.array(drawn)), seed)


def standardised(model: Loaded, texts: Sequence[str], answers: list[list[str]]) -> NDArray[np.float64]:
    """[P, N] rewards of the base policy's own answers, with mean 0 and deviation 1."""
    items = [(asked(text), answer) for text, row in zip(texts, answers, strict=True) for answer in row]
    found = rewards_of(model, items).astype(np.float64).reshape(len(texts), -1)
    return (found - found.mean()) / found.std()


def curves_of(rewards: NDArray[np.float64], gold: NDArray[np.float64], texts: Sequence[str]) -> dict[str, Curve]:
    """What members [M, P, N] choose alone, on average, and as ensembles."""
    found = {"one model": mean_curve([best_of_n_curve(one, gold, texts, COUNTS) for one in rewards])}
    members = [{"model": str(place)} for place in range(len(rewards))]
    for how in HOWS:
        ensemble = Ensemble.model_validate({"members": members, "how": how})
        found[how] = best_of_n_curve(ensemble.combined(rewards), gold, texts, COUNTS)
    return found


def mean_curve(curves: Sequence[Curve]) -> Curve:
    """The mean over curves, prompt by prompt."""
    proxy, gold = (np.mean([getattr(curve, name) for curve in curves], axis=0) for name in ("proxy", "gold"))
    return replace(curves[0], proxy=proxy, gold=gold)


def spelled(found: Interval) -> str:
    return f"{found.value:+.3f} [{found.low:+.3f}, {found.high:+.3f}]"


def describe(name: str, curve: Curve) -> None:
    law = curve.fit()
    means = " ".join(f"{value:.3f}" for value in curve.gold.mean(1))
    say(f"{name}: gold {means}; falls {spelled(curve.fall())} after its peak; the law's is at d = {law.peak:.2f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--prompts", type=int, default=100)
    parser.add_argument("--samples", type=int, default=80)
    parser.add_argument("--pairs", type=int, default=800)
    parser.add_argument("--members", type=int, default=8)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--out", type=Path, default=Path(tempfile.gettempdir()) / "overoptimization.svg")
    settings = parser.parse_args()
    torch.set_num_threads(1)
    texts = prompts(0, settings.prompts)
    answers = sampled(texts, settings.samples, 0)
    gold = np.stack([golds([text] * len(row), row) for text, row in zip(texts, answers, strict=True)])
    say(f"gold of {gold.size:,} samples: mean {gold.mean():.3f}, deviation {gold.std():.3f}; n = {COUNTS}")
    by_seed: list[dict[str, Curve]] = []
    for seed in range(settings.seeds):
        pairs = noisy_pairs(settings.pairs, seed)
        members = range(seed * settings.members, (seed + 1) * settings.members)
        rewards = np.stack([standardised(member(pairs, one), texts, answers) for one in members])
        by_seed.append(curves_of(rewards, gold, texts))
        alike = np.corrcoef(rewards.reshape(len(rewards), -1))[0, 1:].mean()
        say(f"seed {seed}: {pairs.num_rows:,} pairs, the first member correlates {alike:.2f} with the others")
        for name, curve in by_seed[-1].items():
            describe(f"  {name}", curve)
    curves = {name: mean_curve([one[name] for one in by_seed]) for name in by_seed[0]}
    for name, curve in curves.items():
        describe(f"all seeds, {name}", curve)
    rows = [{"model": name} | row for name, curve in curves.items() for row in curve.rows()]
    settings.out.write_text(curve_plot(pl.DataFrame(rows, infer_schema_length=None)), encoding="utf-8")
    say(f"picture: {settings.out}")
    judge(curves, texts)


def judge(curves: dict[str, Curve], texts: Sequence[str]) -> None:
    """Print the bars, and what lies behind them."""
    one, bars = curves["one model"], Bars()
    for how in ("wco", "uwo"):
        gain = difference_interval(curves[how].gold[-1], one.gold[-1], texts)
        say(f"{how}: best of {COUNTS[-1]} beside one model {spelled(gain)}")
        bars.add(f"gold best-of-{COUNTS[-1]} of {how} beside one model", gain.value, 0.0, most=False)
    bars.add("one model turns down: low end of its fall", one.fall().low, 0.0, most=False)
    for how in ("wco", "uwo"):
        bars.add(f"{how} does not turn down: low end of its fall", curves[how].fall().low, 0.0)
    bars.end()


if __name__ == "__main__":
    main()
