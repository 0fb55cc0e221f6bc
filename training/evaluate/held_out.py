"""A reward model on held-out pairs: all, by strength, by source and by length, with an interval on each figure.

The label of a pair is its soft label: above 1/2 the chosen side is the better one, below it the rejected one. Pairs
labelled a tie, and pairs that the model cannot read whole, are counted and have no part in the figures.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from schemas.errors import InputError
from training.data import Version
from training.evaluate.accuracy import PairAccuracy, accuracy_by, pair_accuracy
from training.evaluate.implicit_reward import Rewards
from training.evaluate.intervals import Interval, correlation_interval, mean_interval, ranks
from training.evaluate.subject import Subject, rewards_that_fit
from training.evaluate.temperature import best_temperature, half_of
from training.progress import Report, silent
from training.settings import Precision

ALL = "all"
LENGTHS = ("less than half as long", "shorter", "alike", "longer", "more than twice as long")
"""The better side beside the other one, in characters; `alike` is within a tenth of the longer one."""
LENGTH_EDGES = (-0.5, -0.1, 0.1, 0.5)
"""Where the second to the last of LENGTHS begin: (better - other) / longer."""
STRENGTHS = 4
"""Slices of the margin, of about as many pairs each, where it has more values than that."""


class Row(NamedTuple):
    """One figure of one slice of the pairs."""

    slice: str
    metric: str
    found: Interval


@dataclass(frozen=True, slots=True, kw_only=True)
class RewardReport:
    """What a reward model makes of held-out pairs."""

    slices: Mapping[str, PairAccuracy]
    """`all`, and then `strength ...`, `source ...`, `length ...`"""
    whole: Mapping[str, Interval]
    """Figures of all pairs together that are not agreement"""

    def rows(self) -> Iterator[Row]:
        """Every figure of every slice."""
        for name, found in self.slices.items():
            ties = Interval(found.ties, float("nan"), float("nan"), found.n)
            for metric, interval in {**found.intervals, "ties": ties}.items():
                yield Row(name, metric, interval)
        for metric, interval in self.whole.items():
            yield Row(ALL, metric, interval)


def evaluate_reward(
    subject: Subject,
    version: Version,
    *,
    split: str = "test",
    max_length: int | None = None,
    precision: Precision = "no",
    report: Report = silent,
    seed: int = 0,
) -> RewardReport:
    """Score both sides of a split's pairs and compare with the labels. `max_length` as in `rewards_that_fit`."""
    pairs = held_out(version, split)
    progress = partial(report, "score")
    score = partial(rewards_that_fit, subject, max_length=max_length, precision=precision, progress=progress)
    return reward_report(pairs, rewards_of_pairs(score, pairs), seed)


def held_out(version: Version, split: str = "test") -> pa.Table:
    """The pairs of a split. Raises InputError where there is none."""
    pairs = version.split(split)
    if not pairs.num_rows:
        raise InputError(f"{version.label} has no pair in the split {split!r}; publish a version with more prompts.")
    return pairs


def rewards_of_pairs(score: Rewards, pairs: pa.Table) -> NDArray[np.floating[Any]]:
    """[2, P] rewards of the chosen and the rejected sides of `pairs` (columns of `training.data.COLUMNS`)."""
    columns = pairs.to_pydict()
    items = list(zip(columns["prompt"], columns["chosen"], strict=True))
    items += zip(columns["rejected_prompt"], columns["rejected"], strict=True)
    return score(items).reshape(2, -1)


def reward_report(pairs: pa.Table, rewards: NDArray[np.floating[Any]], seed: int = 0) -> RewardReport:
    """The report on `pairs` (columns of `training.data.COLUMNS`) from rewards [2, P] of their sides, NaN if unread."""
    label = np.sign(pairs.column("soft_label").to_numpy() - 0.5)
    read = ~np.isnan(rewards).any(axis=0)
    used = read & (label != 0)
    rows, sides = pairs.filter(pa.array(used)), rewards[:, used].astype(np.float64)
    gaps = (sides[0] - sides[1]) * label[used]
    prompts = np.array(rows.column("prompt_id").to_pylist(), dtype=np.str_)
    lengths = np.array([[len(text) for text in rows.column(side).to_pylist()] for side in ("chosen", "rejected")])
    slices = {ALL: pair_accuracy(gaps, prompts, seed)}
    for kind, (names, codes) in {
        "strength": strengths_of(rows.column("margin")),
        "source": np.unique(rows.column("source").to_pylist(), return_inverse=True),
        "length": (LENGTHS, np.digitize(longer(lengths) * label[used], LENGTH_EDGES)),
    }.items():
        found = accuracy_by(gaps, prompts, codes, seed)
        slices |= {f"{kind} {names[int(code)]}": one for code, one in found.items()}
    counts = {"labelled ties": label == 0, "too long": ~read}
    whole = {name: Interval(float(rows.sum()), np.nan, np.nan, len(label)) for name, rows in counts.items()}
    whole |= {
        "mean difference": mean_interval(gaps, prompts, seed),
        "mean reward": mean_interval(sides.mean(axis=0), prompts, seed),
        "deviation of rewards": Interval(float(sides.std()) if sides.size else np.nan, np.nan, np.nan, sides.size),
    }
    whole |= calibrated(gaps, prompts, seed) | length_correlations(sides, lengths, prompts, seed)
    return RewardReport(slices=slices, whole=whole)


def strengths_of(margins: pa.ChunkedArray) -> tuple[Sequence[str], NDArray[np.intp]]:
    """Names of slices of the margin, and each row's slice: one a value, or quarters where there are many."""
    values = pc.fill_null(margins, np.nan).to_numpy()
    missing = np.isnan(values)
    levels = np.unique(values[~missing])
    names = [f"{level:g}" for level in levels]
    if len(levels) > STRENGTHS:
        levels = np.unique(np.quantile(values[~missing], np.arange(1, STRENGTHS) / STRENGTHS))
        between = [f"{low:g} to {high:g}" for low, high in pairwise(levels)]
        names = [f"up to {levels[0]:g}", *between, f"above {levels[-1]:g}"]
    return [*names, "unknown"], np.where(missing, len(names), np.searchsorted(levels, values))


def longer(lengths: NDArray[np.integer[Any]]) -> NDArray[np.float64]:
    """[P] (first - second) / the longer one, of lengths [2, P]; two empty texts are alike."""
    return (lengths[0] - lengths[1]) / np.maximum(lengths.max(axis=0), 1)


def calibrated(gaps: NDArray[np.float64], prompts: NDArray[np.str_], seed: int) -> dict[str, Interval]:
    """The best temperature on half of the prompts, and what it does to the other half."""
    fitted = half_of(prompts, seed)
    temperature = best_temperature(gaps[fitted])
    before = pair_accuracy(gaps[~fitted], prompts[~fitted], seed)
    after = pair_accuracy(gaps[~fitted] / temperature, prompts[~fitted], seed)
    return {
        "temperature, fitted on half of the prompts": Interval(temperature, np.nan, np.nan, int(fitted.sum())),
        "nll of the other half": before.nll,
        "nll of the other half at the temperature": after.nll,
        "ece of the other half": before.ece,
        "ece of the other half at the temperature": after.ece,
    }


def length_correlations(
    sides: NDArray[np.float64], lengths: NDArray[np.integer[Any]], prompts: NDArray[np.str_], seed: int
) -> dict[str, Interval]:
    """Of rewards [2, P] with lengths [2, P] over all responses: of the values, and of their ranks."""
    both, rewards, chars = np.tile(prompts, 2), sides.ravel(), lengths.ravel()
    return {
        "correlation of reward and length": correlation_interval(rewards, chars, both, seed),
        "rank correlation of reward and length": correlation_interval(ranks(rewards), ranks(chars), both, seed),
    }
