"""MODPO in the simulated world: a policy a weighing of two truths that pull apart, beside DPO on either alone.

The truths are quality (gold) and brevity. Two annotators compare the same answers of the base policy, each by one
truth, and choose as Bradley and Terry say. A reward model learns brevity from its labels; MODPO learns from the labels
of quality and from that model. Seeds differ in prompts, answers, labels and order; the held-out prompts are the same.
Beside MODPO and DPO lie the mixed weights of the two DPO policies (rewarded soups, arXiv:2306.04488).
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import altair as alt
import numpy as np
import polars as pl
import pyarrow as pa
import torch
from numpy.typing import NDArray
from scipy.special import expit
from scipy.stats import spearmanr

from flows.page import WIDTH, svg
from flows.sandbox import HELD_OUT, prompts, ready_sandbox
from tests.bench.figures import Bars, say
from tests.bench.overoptimization import asked, sampled
from tests.bench.policies import ANSWERS, answers, trained
from training.evaluate.intervals import Interval, difference_interval, interval_of_means, mean_interval
from training.evaluate.sandbox import brevities, golds
from training.extrapolate import extrapolate

Floats = NDArray[np.float64]

TRUTHS: Mapping[str, Callable[[Sequence[str], Sequence[str]], Floats]] = {
    "quality": golds,
    "brevity": lambda _, responses: brevities(responses),
}
WEIGHTS = (0.1, 0.3, 0.5, 0.7, 0.9)
"""What quality counts; brevity counts the rest."""
SHARPNESS = 2.0
"""Log-odds of an annotator on answers that are one standard deviation apart."""
TEST = 0.1
"""Share of the pairs on which the reward model is measured."""
REWARD = {"max_length": 128, "fit.epochs": 1, "fit.batch_size": 32, "fit.learning_rate": 1e-3}
POLICY = {"max_length": 128, "fit.epochs": 1, "fit.batch_size": 64, "fit.learning_rate": 3e-4, "beta": 0.2}
"""Chosen by the gains of the two DPO policies on another seed and other prompts."""
HEIGHT = 420
START, ENDS, FRONT, SOUPS = (
    "base policy",
    "DPO on one truth",
    "MODPO, by the weight of quality",
    "mixed weights of the DPOs",
)


class Spot(NamedTuple):
    """A policy among the others: [2, N] quality and brevity by prompt, means over answers and seeds."""

    kind: str
    label: str
    values: Floats


def compared(count: int, seed: int) -> dict[str, pa.Table]:
    """Pairs of answers to prompts of their own for every seed, as each annotator labels them."""
    texts = prompts(HELD_OUT + seed * count, count)
    given = [(text, two) for text, two in zip(texts, sampled(texts, 2, 1000 + seed), strict=True) if len({*two}) == 2]
    chance, tables = np.random.default_rng(seed), dict[str, pa.Table]()
    for name, truth in TRUTHS.items():
        first, second = (truth([text for text, _ in given], [two[side] for _, two in given]) for side in (0, 1))
        odds = SHARPNESS * (first - second) / (first - second).std()
        taken = chance.random(len(given)) < expit(odds)
        rows = [
            {
                "prompt_id": text, "prompt": asked(text), "rejected_prompt": asked(text),
                "chosen": two[1 - better], "rejected": two[better],
                "margin": 0.0, "weight": 1.0, "soft_label": 1.0,
                "split": "test" if place < TEST * len(given) else "train",
            }
            for place, ((text, two), better) in enumerate(zip(given, map(int, taken), strict=True))
        ]  # fmt: skip
        tables[name] = pa.Table.from_pylist(rows)
    return tables


def policies(tables: Mapping[str, pa.Table], seed: int, out: Path) -> dict[tuple[str, str], Path]:
    """A folder for every policy of one seed, by kind and label."""
    order = {"fit.seed": seed}
    reward, figures = trained("reward", tables["brevity"], out / "brief", REWARD | order)
    say(f"  the reward model orders {figures['test_accuracy']:.3f} of held-out pairs as the labels of brevity do")
    found: dict[tuple[str, str], Path] = {}
    for name, pairs in tables.items():
        found[ENDS, name], _ = trained("dpo", pairs, out / f"dpo-{name}", POLICY | order)
    for weight in WEIGHTS:
        changes: dict[str, Any] = {"weights": (weight, 1 - weight), "margin_models": (str(reward),)}
        found[FRONT, f"{weight}"], _ = trained("modpo", tables["quality"], out / f"{weight}", POLICY | order | changes)
        soup = out / f"soup-{weight}"
        found[SOUPS, f"{weight}"] = extrapolate(found[ENDS, "brevity"], found[ENDS, "quality"], soup, weight)
    return found


def values_of(model: Path, texts: Sequence[str]) -> Floats:
    """[2, N] mean quality and brevity of a policy's answers to each text."""
    said, repeated = answers(model, texts), [text for text in texts for _ in range(ANSWERS)]
    return np.stack([truth(repeated, said).reshape(len(texts), ANSWERS).mean(1) for truth in TRUTHS.values()])


def hypervolume(points: Floats) -> Floats:
    """[..., K, 2] points of the unit square to [...], the share of it where some point is better in both."""
    order = np.argsort(-points[..., 0], axis=-1)
    x, y = (np.take_along_axis(points[..., side], order, axis=-1) for side in (0, 1))
    widths = x - np.concatenate([x[..., 1:], np.zeros_like(x[..., :1])], axis=-1)
    return (widths * np.maximum.accumulate(y, axis=-1)).sum(-1)


def non_dominated(points: Floats) -> NDArray[np.bool_]:
    """[K, 2] to [K]: whether no other point is as good in both and better in one."""
    no_worse = (points[None] >= points[:, None]).all(-1)
    better = (points[None] > points[:, None]).any(-1)
    return ~(no_worse & better).any(1)


def front_plot(spots: Sequence[Spot], texts: Sequence[str]) -> str:
    """Gains in both truths over the base policy, with 95 % intervals, as SVG."""
    start, rows = spots[0], list[dict[str, Any]]()
    for spot in spots:
        row: dict[str, Any] = {"kind": spot.kind, "label": spot.label if spot.kind != SOUPS else ""}
        for name, after, before in zip(TRUTHS, spot.values, start.values, strict=True):
            found = difference_interval(after, before, texts)
            row |= {name: found.value, f"{name}_low": found.low, f"{name}_high": found.high}
        rows.append(row)
    axis = alt.Axis(format="+.3~f", tickCount=8, labelFlush=False)
    x = alt.X("quality:Q", title="gain in quality (bars: 95 % intervals over prompts)", axis=axis)
    y = alt.Y("brevity:Q", title="gain in brevity", axis=axis)
    kinds = [FRONT, ENDS, SOUPS, START]
    colour = alt.Color(
        "kind:N",
        scale=alt.Scale(domain=kinds, range=["#1f6fb4", "#d1495b", "#8a8f98", "#222222"]),
        legend=alt.Legend(title=None, orient="top", columns=2, symbolOpacity=1, labelFontSize=12),
    )
    base = alt.Chart(pl.DataFrame(rows)).encode(color=colour)
    line = base.encode(x=x, y=y, order="quality:Q")
    chart = alt.layer(
        line.transform_filter(alt.datum.kind == SOUPS).mark_line(strokeDash=[4, 3], strokeWidth=1.2),
        line.transform_filter(alt.datum.kind == FRONT).mark_line(strokeWidth=2),
        base.mark_rule(opacity=0.45).encode(x="quality_low:Q", x2="quality_high:Q", y=y),
        base.mark_rule(opacity=0.45).encode(x=x, y="brevity_low:Q", y2="brevity_high:Q"),
        base.mark_point(filled=True, size=70, opacity=1).encode(x=x, y=y),
        base.mark_text(align="left", dx=9, dy=-9, fontSize=12).encode(x=x, y=y, text="label:N"),
    )
    return svg(chart.properties(width=WIDTH, height=HEIGHT))


def spelled(found: Interval) -> str:
    return f"{found.value:+.3f} [{found.low:+.3f}, {found.high:+.3f}]"


def told(spot: Spot, start: Spot, texts: Sequence[str]) -> None:
    """What a policy is worth, and what it gained."""
    said = [
        f"{name} {mean_interval(after, texts).value:.3f}, {spelled(difference_interval(after, before, texts))}"
        for name, after, before in zip(TRUTHS, spot.values, start.values, strict=True)
    ]
    say(f"{spot.kind}, {spot.label}: {'; '.join(said)}")


def judge(spots: Sequence[Spot], texts: Sequence[str]) -> None:
    """Print the bars, and what lies behind them."""
    of = {kind: [spot for spot in spots if spot.kind == kind] for kind in (FRONT, ENDS, SOUPS)}
    bars = Bars()
    for place, (name, sign) in enumerate(zip(TRUTHS, (1, -1), strict=True)):
        way = [spot.values[place] for spot in of[FRONT]]
        steps = [spelled(difference_interval(sign * b, sign * a, texts)) for a, b in pairwise(way)]
        say(f"{name} from weight to weight, {'up' if sign > 0 else 'down'}: {', '.join(steps)}")
        correlation = sign * float(spearmanr(WEIGHTS, [each.mean() for each in way]).statistic)
        bars.add(f"Spearman of {name} and its weight", correlation, 0.9, most=False)
        gap = difference_interval(sign * way[-1], sign * way[0], texts)
        bars.add(f"{name} between the outer weights, lower end", gap.low, 0.0, most=False)
    means = {kind: np.array([spot.values.mean(1) for spot in each]) for kind, each in of.items()}
    kept = non_dominated(np.concatenate([means[FRONT], means[ENDS]]))
    say(f"not dominated: {kept[: len(WEIGHTS)].sum()} of {len(WEIGHTS)} MODPO, {kept[len(WEIGHTS) :].sum()} of 2 DPO")
    bars.add("MODPO policies that none dominates", int(kept[: len(WEIGHTS)].sum()), len(WEIGHTS), most=False)
    say("hypervolume: " + ", ".join(f"{kind} {hypervolume(each):.3f}" for kind, each in means.items()))
    for other in (ENDS, SOUPS):
        both = np.concatenate([spot.values for kind in (FRONT, other) for spot in of[kind]]).T  # [N, 2 * policies]
        found = interval_of_means(both, texts, volume_gain)
        say(f"hypervolume of MODPO beyond that of {other}: {spelled(found)}")
        if other == ENDS:
            bars.add("hypervolume beyond that of the two ends, lower end", found.low, 0.0, most=False)
    bars.end()


def volume_gain(means: Floats) -> Floats:
    """[..., 2K] means, first those of MODPO's policies, to [...]: its hypervolume less that of the others."""
    points = means.reshape(*means.shape[:-1], -1, 2)
    return hypervolume(points[..., : len(WEIGHTS), :]) - hypervolume(points[..., len(WEIGHTS) :, :])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--prompts", type=int, default=1500, help="whose answers are compared, for each seed")
    parser.add_argument("--held-out", type=int, default=500)
    parser.add_argument("--skip", type=int, default=0, help="held-out prompts to leave alone: the first so many")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--out", type=Path, default=Path(tempfile.gettempdir()) / "pareto.svg")
    settings = parser.parse_args()
    torch.set_num_threads(1)
    texts = prompts(settings.skip, settings.held_out)
    start = Spot(START, "", values_of(ready_sandbox() / "pool" / "base", texts))
    found: dict[tuple[str, str], list[Floats]] = {}
    for seed in settings.seeds:
        began, tables = time.perf_counter(), compared(settings.prompts, seed)
        chosen = (tables[name].column("chosen").to_numpy(zero_copy_only=False) for name in TRUTHS)
        agreed = np.equal(*chosen).mean()
        say(f"seed {seed}: {tables['quality'].num_rows:,} pairs, the two annotators agree on {agreed:.3f}")
        with tempfile.TemporaryDirectory() as name:
            for (kind, label), folder in policies(tables, seed, Path(name)).items():
                found.setdefault((kind, label), []).append(values_of(folder, texts))
        say(f"  {time.perf_counter() - began:.0f} s")
    spots = [start, *(Spot(kind, label, np.mean(each, axis=0)) for (kind, label), each in found.items())]
    for spot in spots:
        told(spot, start, texts)
    settings.out.write_text(front_plot(spots, texts), encoding="utf-8")
    say(f"picture: {settings.out}")
    judge(spots, texts)


if __name__ == "__main__":
    main()
