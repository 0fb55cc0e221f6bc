"""Preference strength: what ten voters cost beside one, and whether planted wrong labels are found and made good.

Three parts, all of them unless named. `cost`: shared voters on pairs of HH-RLHF, median of the rounds. `linear`: the
linear fixture of tests/curation/voting, twenty seeds. `sandbox`: pairs of the best and the worst answer by gold to
prompts of the simulated world, a quarter of the labels of the train split turned round; reward models are measured on
held-out prompts, with paired 95 % intervals over them. Gold makes the labels in which the noise is planted.
"""

import argparse
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median

import numpy as np
import polars as pl
import pyarrow as pa
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from curation.voting.strength import Policy, Rewards, strengths
from flows.sandbox import HELD_OUT, prompts, ready_sandbox
from schemas.ids import content_id
from tests.bench.beside_trl import hh_pairs
from tests.bench.figures import Bars, say
from tests.curation.voting import linear
from training.data import Version
from training.evaluate.intervals import difference_interval, mean_interval
from training.evaluate.rewards import rewards_of
from training.evaluate.sandbox import golds
from training.jobs import settings_of
from training.loop import fit
from training.prepare import prepare_pairs
from training.score import RewardScorer
from training.scratch import Shape, from_scratch
from training.settings import FitSettings, VoterSettings
from training.train import load
from training.voters import vote

NOISE = 0.25
POLICIES = ("weak", "base", "strong")
ANSWERS = 2
"""By each policy to each prompt."""
TUNED = FitSettings(epochs=1, batch_size=32, learning_rate=1e-3)
PANELS = {
    "frozen trunk": VoterSettings(max_length=128),
    "tuned trunk": VoterSettings(max_length=128, folds=3, tune=True, fit=TUNED),
    "full": VoterSettings(max_length=128, folds=3, mode="full", count=3, fit=TUNED),
}
TREATS = "tuned trunk"
"""The panel whose strengths treat the pairs."""


def cost(bars: Bars, rounds: int, count: int) -> None:
    """Ten shared voters beside one."""
    with tempfile.TemporaryDirectory() as folder:
        table = hh_pairs().slice(0, count)
        ids = pa.array([content_id(row) for row in range(table.num_rows)])
        pairs = table.append_column("pair_id", ids).append_column("prompt_id", ids)
        version = Version(dataset="hh", version=1, fingerprint="", pairs=pairs)
        model = from_scratch(version, Shape(layers=6, width=256), Path(folder) / "model")
        seconds: dict[int, list[float]] = {1: [], 10: []}
        busy: dict[int, list[float]] = {1: [], 10: []}
        for _ in range(rounds):
            for voters, found in seconds.items():
                started, before = time.perf_counter(), time.process_time()
                vote(version, model, VoterSettings(count=voters))
                busy[voters].append(time.process_time() - before)
                found.append(time.perf_counter() - started)
    for voters, found in seconds.items():
        say(f"{voters} shared voters on {table.num_rows} pairs: {', '.join(f'{one:.2f}' for one in found)} s")
        say(f"  {median(busy[voters]):.2f} s of the processor")
    bars.add("ten shared voters beside one", median(seconds[10]) / median(seconds[1]), 1.25, unit=" x")


def linear_fixture(bars: Bars, seeds: int) -> None:
    """The planted flips of the linear fixture, what treatment gives back, and what it does to clean labels."""
    found: dict[str, list[float]] = {}
    policy = Policy(standardise=False)
    for seed in range(seeds):
        made, clean = linear.fixture(seed, NOISE), linear.fixture(seed, 0.0)
        votes, others = (linear.votes(one.labelled, linear.trained(one.labelled, seed)) for one in (made, clean))
        none = np.full(linear.COUNT, np.nan)
        treated, kept = (policy.treat(one, np.ones(linear.COUNT), none) for one in (votes, others))
        flip = (treated["treatment"] == "flip").to_numpy()
        repaired = np.where(flip[:, None], -made.labelled, made.labelled)
        raw, better, best = (
            linear.accuracy(linear.trained(each, seed + 100), seed)
            for each in (made.labelled, repaired, made.differences)
        )
        figures = {
            "AUC": linear.auc(-treated["mu"].to_numpy(), made.flips),
            "noise left": float((made.flips ^ flip).mean()),
            "accuracy, raw": raw,
            "accuracy, treated": better,
            "accuracy, clean": best,
            "recovered": (better - raw) / (best - raw),
            "clean flipped": float((kept["treatment"] == "flip").to_numpy().mean()),
        }
        for name, value in figures.items():
            found.setdefault(name, []).append(value)
    for name, values in found.items():
        say(f"linear, {name}: mean {np.mean(values):.4f}, {min(values):.4f} to {max(values):.4f} over {seeds} seeds")
    bars.add("linear AUC, least", min(found["AUC"]), 0.98, most=False)
    bars.add("linear accuracy recovered, mean", float(np.mean(found["recovered"])), 0.5, most=False)
    bars.add("linear clean labels flipped, most", max(found["clean flipped"]), 0.02)


def answers(texts: list[str], policy: str) -> Iterator[list[str]]:
    """ANSWERS of a policy to each prompt."""
    folder = ready_sandbox() / "pool" / policy
    model = AutoModelForCausalLM.from_pretrained(folder).eval()
    tokenizer = AutoTokenizer.from_pretrained(folder, padding_side="left")
    for start in range(0, len(texts), 256):
        turns = [[{"role": "user", "content": text}] for text in texts[start : start + 256]]
        asked = [tokenizer.apply_chat_template(turn, tokenize=False, add_generation_prompt=True) for turn in turns]
        given = tokenizer(asked, return_tensors="pt", padding=True, add_special_tokens=False)
        given.pop("token_type_ids", None)
        with torch.no_grad():
            written = model.generate(**given, do_sample=True, max_new_tokens=32, num_return_sequences=ANSWERS)
        said = tokenizer.batch_decode(written[:, given["input_ids"].shape[1] :], skip_special_tokens=True)
        yield from (said[place : place + ANSWERS] for place in range(0, len(said), ANSWERS))


def world(first: int, count: int, split: str) -> pa.Table:
    """A pair for each prompt whose answers differ in gold: the best over the worst."""
    texts = prompts(first, count)
    given = zip(*(answers(texts, policy) for policy in POLICIES), strict=True)
    rows = []
    for text, each in zip(texts, given, strict=True):
        said = sorted({answer for some in each for answer in some})
        truth = golds([text] * len(said), said)
        if truth.max() > truth.min():
            turns = [{"role": "user", "content": text}]
            rows.append({
                "pair_id": content_id("pair", text), "prompt_id": text, "prompt": turns, "rejected_prompt": turns,
                "chosen": said[int(truth.argmax())], "rejected": said[int(truth.argmin())], "split": split,
                "margin": 0.0, "weight": 1.0, "soft_label": 1.0,
            })  # fmt: skip
    return pa.Table.from_pylist(rows)


def labelled(pairs: pa.Table, turned: np.ndarray, **treatment: np.ndarray) -> pa.Table:
    """The pairs with the sides of those `turned` exchanged, and columns changed."""
    rows = pairs.to_pylist()
    for row, turn in zip(rows, turned.tolist(), strict=True):
        if turn:
            row["chosen"], row["rejected"] = row["rejected"], row["chosen"]
    for name, values in treatment.items():
        for row, value in zip(rows, values.tolist(), strict=True):
            row[name] = value
    return pa.Table.from_pylist(rows, schema=pairs.schema)


def right(pairs: pa.Table, tests: pa.Table, seed: int, **objective: bool) -> np.ndarray:
    """[T] whether a reward model that is trained on `pairs` orders each test pair as gold does."""
    settings = settings_of("reward", {**TUNED.model_dump(), "seed": seed, "max_length": 128, **objective})
    loaded = load(settings, ready_sandbox() / "pool" / "base")
    part = prepare_pairs(pairs, loaded.tokenizer, settings.max_length)
    for _ in fit(RewardScorer(loaded.model), part.examples, settings.objective.loss_of, settings.fit):
        pass
    sides = [
        rewards_of(loaded, list(zip(tests["prompt"].to_pylist(), tests[side].to_pylist(), strict=True)))
        for side in ("chosen", "rejected")
    ]
    return (sides[0] > sides[1]) + 0.5 * (sides[0] == sides[1])


def voted(pairs: pa.Table, settings: VoterSettings) -> Rewards:
    """What a panel makes of all pairs."""
    found = vote(
        Version(dataset="s", version=1, fingerprint="", pairs=pairs), ready_sandbox() / "pool" / "base", settings
    )
    chosen, rejected = np.split(found.rewards, 2, axis=1)
    assert found.pair_ids == tuple(pairs["pair_id"].to_pylist())
    return Rewards(voters=found.voters, chosen=chosen, rejected=rejected)


def sandbox(bars: Bars, count: int, seeds: int) -> None:
    """The same with transformers as voters, in the simulated world."""
    torch.manual_seed(0)
    pairs, tests = world(HELD_OUT, count, "train"), world(0, HELD_OUT, "test")
    flips = np.zeros(pairs.num_rows, dtype=bool)
    flips[np.random.default_rng(0).permutation(len(flips))[: round(NOISE * len(flips))]] = True
    noisy = labelled(pairs, flips)
    say(f"sandbox: {pairs.num_rows} pairs, {flips.sum()} turned round; {tests.num_rows} test pairs")
    treated = {name: sandbox_panel(bars, name, settings, pairs, noisy, flips) for name, settings in PANELS.items()}
    found = treated[TREATS]
    flip = (found["treatment"] == "flip").to_numpy()
    soft, margin = found["soft_label"].to_numpy(), found["margin"].to_numpy()
    trials = {
        "noisy": (noisy, {}),
        "flipped": (labelled(noisy, flip), {}),
        "flipped and soft": (labelled(noisy, flip, soft_label=soft), {}),
        "flipped, soft and margins": (labelled(noisy, flip, soft_label=soft, margin=margin), {"use_margin": True}),
        "clean": (pairs, {}),
    }
    hits = {
        name: np.mean([right(each, tests, seed, **changes) for seed in range(seeds)], axis=0)
        for name, (each, changes) in trials.items()
    }
    where = tests["prompt_id"].to_pylist()
    for name, values in hits.items():
        one, gain = mean_interval(values, where), difference_interval(values, hits["noisy"], where)
        say(
            f"reward model on {name}: {one.value:.3f} [{one.low:.3f}, {one.high:.3f}], "
            f"over noisy {gain.value:+.3f} [{gain.low:+.3f}, {gain.high:+.3f}]"
        )
    gain = difference_interval(hits["flipped"], hits["noisy"], where)
    bars.add("sandbox gain of the flips, lower end", gain.low, 0.0, most=False)


def sandbox_panel(
    bars: Bars, name: str, settings: VoterSettings, pairs: pa.Table, noisy: pa.Table, flips: np.ndarray
) -> pl.DataFrame:
    """Say how well a panel finds the pairs that were turned round, and what it does to clean ones; how it treats."""
    none, ones = np.full(len(flips), np.nan), np.ones(len(flips))
    started = time.perf_counter()
    rewards, clean = voted(noisy, settings), voted(pairs, settings)
    seconds = (time.perf_counter() - started) / 2
    treated = Policy().treat(rewards, ones, none)
    found = linear.auc(-treated["mu"].to_numpy(), flips)
    singles = [linear.auc(-one, flips) for one in rewards.differences]
    flip = (treated["treatment"] == "flip").to_numpy()
    shares = {
        anchors: (Policy(anchors=anchors).treat(clean, ones, none)["treatment"] == "flip").sum() / len(flips)
        for anchors in (0.0, Policy().anchors)
    }
    wrong = (strengths(clean, standardise=True)["mu"] < 0).sum() / len(flips)
    say(
        f"{name}: AUC {found:.3f} (one voter {np.mean(singles):.3f}), below zero {(treated['mu'] < 0).mean():.3f}, "
        f"flipped {flip.mean():.3f} of which wrong {flips[flip].mean() if flip.any() else 0:.3f}, "
        f"noise {NOISE} -> {(flips ^ flip).mean():.3f}, {seconds:.1f} s"
    )
    say(
        f"  clean labels: below zero {wrong:.3f}, flipped {shares[Policy().anchors]:.4f}, "
        f"without anchors {shares[0.0]:.4f}"
    )
    bars.add(f"sandbox AUC, {name}", found, 0.8, most=False)
    bars.add(f"sandbox clean labels flipped, {name}", shares[Policy().anchors], 0.02)
    return treated


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", help="cost, linear, sandbox")
    parser.add_argument("--pairs", type=int, default=768, help="of HH-RLHF, whose votes are timed")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seeds", type=int, default=20, help="of the linear fixture")
    parser.add_argument("--prompts", type=int, default=1000, help="of the sandbox")
    parser.add_argument("--models", type=int, default=2, help="reward models of the sandbox for each set of labels")
    settings = parser.parse_args()
    torch.manual_seed(0)
    wanted = settings.parts or ["cost", "linear", "sandbox"]
    bars = Bars()
    if "cost" in wanted:
        cost(bars, settings.rounds, settings.pairs)
    if "linear" in wanted:
        linear_fixture(bars, settings.seeds)
    if "sandbox" in wanted:
        sandbox(bars, settings.prompts, settings.models)
    bars.end()


if __name__ == "__main__":
    main()
