"""Reward hacking in the simulated world: PPO by an over-fitted reward model, and what may prevent it.

For every seed, gold labels on two samples of the base policy, a quarter of them turned round, make one reward model,
and the members of an ensemble, each on a draw of the pairs with replacement. All runs of a seed start from the base
policy with the same prompts, draws, rates and rollouts, and are rewarded in standard deviations of its responses; they
differ in what VARIANTS says. Seeds differ in prompts, samples, noise and models; the held-out prompts, and the draws
of the answers to them, are the same for all. Gold of these answers is read along the way, and nothing learns from it.

Rate, rollouts, the pulls (0.1 of 0.1 and 0.5 for chi-square) and PAR's slope (4 of 1 and 4) were chosen by single
runs on another seed, whose held-out prompts were others, too.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal, NamedTuple

import altair as alt
import numpy as np
import polars as pl
import torch
from numpy.typing import NDArray

from flows.overoptimization import banded
from flows.page import WIDTH, svg
from flows.sandbox import HELD_OUT, prompts, sandbox_path
from tests.bench.figures import Bars, say
from tests.bench.overoptimization import (
    MAX_TOKENS,
    SAMPLING,
    asked,
    member,
    noisy_pairs,
    reward_model,
    sampled,
    spelled,
)
from training.checkpoint import load_policy, save
from training.evaluate.ensemble import ensemble_of
from training.evaluate.implicit_reward import Rewards
from training.evaluate.intervals import difference_interval, mean_interval
from training.evaluate.overoptimization import falls
from training.evaluate.sandbox import golds
from training.evaluate.subject import opened
from training.jobs import settings_of
from training.loop import walk
from training.objectives.policy import Policy
from training.online import Online
from training.rollout import Prompt
from training.rollout.record import estimates
from training.rollout.responses import grouped, mask_of, sample, texts_of, token_logps
from training.rollout.rewards import Composition
from training.score import TokenScorer
from training.tokens import encode_prompts

HOW: Literal["mean", "wco", "uwo"] = "uwo"
PLAIN = "one model"
PANELS = ("proxy, std of the start's", "gold", "sqrt(KL), sqrt(nats)")
HEIGHT = 170
"""Of a panel, in pixels."""
PROXY, ENSEMBLE = "one model's reward", "the ensemble's reward"


class Variant(NamedTuple):
    """What a run does otherwise than the plain one."""

    source: str = PROXY
    shaping: tuple[Any, ...] = ()
    changes: Mapping[str, Any] = MappingProxyType({})


VARIANTS = {
    PLAIN: Variant(),
    "PAR": Variant(shaping=({"name": "par", "slope": 4.0},)),
    HOW.upper(): Variant(source=ENSEMBLE),
    "chi-square": Variant(changes={"kl": 0.1, "estimator": "chi_square"}),
    "KL": Variant(changes={"kl": 0.1}),
}
RUN = {
    "max_length": MAX_TOKENS, "kl": 0.0, "critic_rollouts": 5, "fit.learning_rate": 2e-4, "fit.schedule": "constant",
    "fit.batch_size": 64, "rollout.prompts": 16, "rollout.samples": 4, "rollout.max_tokens": SAMPLING.max_tokens,
}  # fmt: skip


class Way(NamedTuple):
    """A policy's answers to P prompts at C places of its run, the start first."""

    kl: NDArray[np.float64]
    """[C] nats from the start"""
    proxy: NDArray[np.float64]
    """[C, P] the reward that the run climbs, in standard deviations of the start's answers, of which 0 is the mean"""
    gold: NDArray[np.float64]
    """[C, P]"""


def sources(count: int, members: int, seed: int, folder: Path) -> dict[str, Rewards]:
    """The reward model of all pairs and the ensemble, on the scale of other answers of the base policy."""
    pairs, texts = noisy_pairs(count, seed), prompts(HELD_OUT + seed * count, count)
    known = [(asked(text), answer) for text, [answer] in zip(texts, sampled(texts, 1, 2000 + seed), strict=True)]
    one = save(folder / "one", reward_model(pairs, seed))
    each = [save(folder / f"member-{place}", member(pairs, seed * members + place)) for place in range(members)]
    say(f"seed {seed}: {pairs.num_rows:,} pairs")
    return {
        PROXY: opened(ensemble_of([one], known, how="mean")),
        ENSEMBLE: opened(ensemble_of(each, known, how=HOW)),
    }


def run(
    variant: Variant,
    rewards: dict[str, Rewards],
    learned: Sequence[str],
    texts: Sequence[str],
    seed: int,
    settings: Any,
) -> Way:
    """Train the base policy on prompts, and look at its answers to others, `looks` times on the way."""
    epochs = settings.rollouts * RUN["rollout.prompts"] / len(learned)
    rewarded = {"rollout.rewards": [{"source": variant.source, "shaping": variant.shaping}]}
    wanted = settings_of("ppo", RUN | variant.changes | rewarded | {"fit.seed": seed, "fit.epochs": epochs})
    objective, rollout, loaded = wanted.objective, wanted.rollout, load_policy(sandbox_path("base"))
    assert isinstance(objective, Policy) and rollout is not None
    train, held_out = (encoded(loaded.tokenizer, each) for each in (learned, texts))
    scorer, composed = objective.scorer(loaded.model), Composition(rollout.rewards, rewards)
    with tempfile.TemporaryDirectory() as name, rollout.sampler.start(loaded, "") as engine:
        steps = Online(objective, wanted.fit, rollout, train, loaded, scorer, engine, composed, Path(name))
        found = [look(steps, held_out)]
        for figures in walk(scorer, steps, objective.loss_of, wanted.fit, folder=None):
            if figures["step"] * settings.looks % steps.total == 0:
                found.append(look(steps, held_out))
    kl, proxy, gold = map(np.stack, zip(*found, strict=True))
    return Way(kl, (proxy - proxy[0].mean()) / proxy[0].std(), gold)


def encoded(tokenizer: Any, texts: Sequence[str]) -> list[Prompt]:
    messages = [asked(text) for text in texts]
    return list(map(Prompt, texts, messages, encode_prompts(tokenizer, messages)))


def look(steps: Online, held_out: Sequence[Prompt]) -> tuple[float, NDArray[np.float64], NDArray[np.float64]]:
    """Of an answer to each of P prompts, by the same draws always: KL from the start, reward [P] and gold [P]."""
    said = sample(steps.engine, held_out, 1, steps.sampling, "held out")
    responses, answers = grouped(steps.loaded, held_out, said), texts_of(steps.loaded, said)
    assert steps.reference is not None
    apart = token_logps(TokenScorer(steps.loaded.model), responses) - token_logps(steps.reference, responses)
    kl = float(estimates(apart, mask_of(responses))["kl_k3"].mean())
    raw = steps.rewards.raw([(one.messages, answer) for one, answer in zip(held_out, answers, strict=True)])
    return kl, raw[0].double().numpy(), golds([one.prompt_id for one in held_out], answers)


def mean_way(ways: Sequence[Way]) -> Way:
    """The mean over seeds, prompt by prompt."""
    return Way(*(np.mean(each, axis=0) for each in zip(*ways, strict=True)))


def describe(name: str, way: Way, texts: Sequence[str]) -> None:
    proxy, gold = (spelled(difference_interval(each[-1], each[0], texts)) for each in (way.proxy, way.gold))
    fall = spelled(mean_interval(falls(way.gold, texts), texts))
    say(f"{name}: gold {' '.join(f'{value:.3f}' for value in way.gold.mean(1))}")
    say(f"  gains {gold} in gold and {proxy} in reward, {np.sqrt(way.kl[-1]):.2f} from the start; gold falls {fall}")


def rows(name: str, way: Way, texts: Sequence[str], rollouts: int) -> list[dict[str, Any]]:
    """One a place and panel, for `plot`."""
    found: list[dict[str, Any]] = []
    for place, kl in enumerate(way.kl.tolist()):
        at = {"run": name, "rollout": place * rollouts / (len(way.kl) - 1)}
        measured = {panel: mean_interval(each[place], texts) for panel, each in zip(PANELS[:2], way[1:], strict=True)}
        for panel, one in measured.items():
            found.append(at | {"panel": panel, "value": one.value, "low": one.low, "high": one.high})
        found.append(at | {"panel": PANELS[-1], "value": kl**0.5, "low": kl**0.5, "high": kl**0.5})
    return found


def plot(found: pl.DataFrame) -> str:
    """Reward, gold and distance along the run, a line for each variant with its interval."""
    panels: list[Any] = []
    for panel in PANELS:
        base = alt.Chart(found.filter(pl.col("panel") == panel)).encode(
            x=alt.X("rollout:Q", title="rollouts"),
            color=alt.Color("run:N", sort=None, legend=alt.Legend(title=None, symbolOpacity=1)),
        )
        panels.append(alt.layer(*banded(base, panel)).properties(width=WIDTH, height=HEIGHT))
    return svg(alt.vconcat(*panels))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--prompts", type=int, default=800, help="whose answers are judged and learned from")
    parser.add_argument("--members", type=int, default=4)
    parser.add_argument("--held-out", type=int, default=500)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--rollouts", type=int, default=60)
    parser.add_argument("--looks", type=int, default=4, help="divide the rollouts")
    parser.add_argument("--out", type=Path, default=Path(tempfile.gettempdir()) / "hacking.svg")
    settings = parser.parse_args()
    torch.set_num_threads(1)
    texts, ways = prompts(0, settings.held_out), {name: list[Way]() for name in VARIANTS}
    for seed in range(settings.seeds):
        learned = prompts(HELD_OUT + seed * settings.prompts, settings.prompts)
        with tempfile.TemporaryDirectory() as name:
            rewards = sources(settings.prompts, settings.members, seed, Path(name))
        for name, variant in VARIANTS.items():
            started = time.perf_counter()
            ways[name].append(run(variant, rewards, learned, texts, seed, settings))
            describe(f"seed {seed}, {name} ({time.perf_counter() - started:.0f} s)", ways[name][-1], texts)
    means = {name: mean_way(each) for name, each in ways.items()}
    for name, way in means.items():
        describe(f"all seeds, {name}", way, texts)
    drawn = [row for name, way in means.items() for row in rows(name, way, texts, settings.rollouts)]
    settings.out.write_text(plot(pl.DataFrame(drawn)), encoding="utf-8")
    say(f"picture: {settings.out}")
    judge(means, texts)


def judge(ways: dict[str, Way], texts: Sequence[str]) -> None:
    """Print the bars, and what lies behind them."""
    bars, plain = Bars(), ways[PLAIN]
    hacked = falls(plain.gold, texts)
    climbed, fell = difference_interval(plain.proxy[-1], plain.proxy[0], texts), mean_interval(hacked, texts)
    bars.add(f"{PLAIN}: its reward rises, low end", climbed.low, 0.0, most=False)
    bars.add(f"{PLAIN}: gold falls after its peak, low end", fell.low, 0.0, most=False)
    for name, way in ways.items():
        if name != PLAIN:
            beside = difference_interval(way.gold[-1], plain.gold[-1], texts)
            less = difference_interval(hacked, falls(way.gold, texts), texts)
            say(f"{name} beside {PLAIN}: gold {spelled(beside)} at the end, and falls less by {spelled(less)}")
            bars.add(f"{name}: gold at the end beside {PLAIN}, low end", beside.low, 0.0, most=False)
            bars.add(f"{name}: gold falls less than by {PLAIN}, low end", less.low, 0.0, most=False)
    bars.end()


if __name__ == "__main__":
    main()
