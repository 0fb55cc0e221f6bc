"""What treating pairs by their strength does for a policy: DPO on noisy, on treated and on clean labels.

Pairs of the best and the worst answer by gold to prompts of the simulated world; a share of the labels is turned round;
the voters of `make bench-strength` measure every pair's strength, and the default policy treats it. Gold makes the
labels in which the noise is planted, and measures the policies. Seeds differ in prompts, answers, noise, voters and
order; the held-out prompts are the same. Gains are paired by prompt, with 95 % intervals over prompts.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import torch
from numpy.typing import NDArray

from curation.voting.strength import Policy
from flows.sandbox import HELD_OUT, prompts, ready_sandbox
from tests.bench.figures import Bars, say
from tests.bench.pareto import POLICY
from tests.bench.policies import gold_of, trained
from tests.bench.strength import NOISE, PANELS, TREATS, labelled, voted, world
from training.evaluate.intervals import difference_interval, mean_interval

EPOCHS = 3
"""What DPO gains most by from the raw labels, of 1 and 3, on another seed and other prompts."""
GAMMA = 0.5
"""Gap of implicit rewards that a pair is asked for, beside the voters' standardised difference."""
RAW, TREATED, CLEAN = "raw", "treated", "clean"


class Trial(NamedTuple):
    """Pairs, and how a policy learns from them."""

    pairs: pa.Table
    job: str = "dpo"
    changes: Mapping[str, Any] = {}


def trials(count: int, seed: int) -> dict[str, Trial]:
    """Every way to learn from the noisy pairs of one seed, and from the clean ones."""
    torch.manual_seed(seed)
    pairs = world(HELD_OUT + seed * count, count, "train")
    flips = np.zeros(pairs.num_rows, dtype=bool)
    flips[np.random.default_rng(seed).permutation(len(flips))[: round(NOISE * len(flips))]] = True
    noisy = labelled(pairs, flips)
    votes = voted(noisy, PANELS[TREATS].model_copy(update={"seed": seed}))
    none, ones = np.full(len(flips), np.nan), np.ones(len(flips))
    found = {wrong: Policy(wrong=wrong).treat(votes, ones, none) for wrong in ("flip", "drop")}
    flip = (found["flip"]["treatment"] == "flip").to_numpy()
    kept = (found["drop"]["treatment"] != "drop").to_numpy()
    soft, margin = (found["flip"][name].to_numpy() for name in ("soft_label", "margin"))
    dropped = labelled(noisy, np.zeros_like(flip), soft_label=found["drop"]["soft_label"].to_numpy())
    treated = labelled(noisy, flip, soft_label=soft, margin=margin)
    say(
        f"seed {seed}: {len(flips)} pairs, {flips.sum()} turned round, {flip.sum()} flipped, of which wrong "
        f"{flips[flip].mean():.3f}; noise {flips.mean():.3f} -> {(flips ^ flip).mean():.3f}, "
        f"with those left out {flips[kept].mean():.3f}"
    )
    return {
        RAW: Trial(noisy),
        "raw, label smoothing": Trial(noisy, changes={"label_smoothing": NOISE}),
        "raw, robust DPO": Trial(noisy, "robust", {"flip_rate": NOISE}),
        "flips alone": Trial(labelled(noisy, flip)),
        TREATED: Trial(treated),
        "treated, margins": Trial(treated, changes={"gamma": GAMMA}),
        "wrong left out": Trial(dropped.filter(pa.array(kept))),
        CLEAN: Trial(pairs),
    }


def judge(golds: Mapping[str, NDArray[np.float64]], before: NDArray[np.float64], texts: list[str]) -> None:
    """Print what each way gained over the start and over raw labels, and the bars."""
    lows: dict[str, float] = {}
    for name, values in golds.items():
        gain, over = difference_interval(values, before, texts), difference_interval(values, golds[RAW], texts)
        back = (values - golds[RAW]).mean() / (golds[CLEAN] - golds[RAW]).mean()
        lows[name] = over.low
        say(
            f"{name}: gold {values.mean():.3f}, {gain.value:+.3f} [{gain.low:+.3f}, {gain.high:+.3f}], over raw "
            f"{over.value:+.3f} [{over.low:+.3f}, {over.high:+.3f}], {back:.0%} of what the noise cost"
        )
    bars = Bars()
    bars.add("gold lost to the noise, lower end", lows[CLEAN], 0.0, most=False)
    bars.add("gold of treated over raw pairs, lower end", lows[TREATED], 0.0, most=False)
    bars.end()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("trials", nargs="*", help="beside raw, treated and clean; all of them unless named")
    parser.add_argument("--epochs", type=float, default=EPOCHS)
    parser.add_argument("--prompts", type=int, default=1000, help="whose answers make pairs, for each seed")
    parser.add_argument("--held-out", type=int, default=500)
    parser.add_argument("--skip", type=int, default=0, help="held-out prompts to leave alone: the first so many")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    settings = parser.parse_args()
    torch.set_num_threads(1)
    texts = prompts(settings.skip, settings.held_out)
    before = gold_of(ready_sandbox() / "pool" / "base", texts)
    start = mean_interval(before, texts)
    say(f"base: gold {start.value:.3f} [{start.low:.3f}, {start.high:.3f}] on {len(texts)} held-out prompts")
    found: dict[str, list[NDArray[np.float64]]] = {}
    for seed in settings.seeds:
        began = time.perf_counter()
        with tempfile.TemporaryDirectory() as name:
            for place, (trial, (pairs, job, changes)) in enumerate(trials(settings.prompts, seed).items()):
                if settings.trials and trial not in (RAW, TREATED, CLEAN, *settings.trials):
                    continue
                how = POLICY | {"fit.epochs": settings.epochs, "fit.seed": seed} | dict(changes)
                model, _ = trained(job, pairs, Path(name) / str(place), how)
                found.setdefault(trial, []).append(gold_of(model, texts))
        say("  " + ", ".join(f"{trial} {each[-1].mean():.3f}" for trial, each in found.items()))
        say(f"  {time.perf_counter() - began:.0f} s")
    judge({trial: np.mean(each, axis=0) for trial, each in found.items()}, before, texts)


if __name__ == "__main__":
    main()
