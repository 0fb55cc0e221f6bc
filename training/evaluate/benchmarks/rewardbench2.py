"""RewardBench 2: arXiv:2506.01937."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, NamedTuple

import numpy as np

from schemas.errors import InputError
from training.evaluate.benchmarks import (
    Benchmark,
    Case,
    Figures,
    Record,
    Rewards,
    by_subset,
    composed,
    count,
    item,
    texts,
)
from training.evaluate.intervals import mean_interval

TIES = "Ties"
"""The subset in which several answers are right."""
VARIANTS = ("ref", "tied")
"""Of a prompt in it: with one right answer, and with several."""


class RewardBench2(Benchmark):
    """The best of four answers; and, among several right ones, little between these and much above the wrong.

    `{"id": "12", "prompt": "...", "chosen": ["..."], "rejected": ["...", "...", "..."], "subset": "Math"}`

    In the subset Ties an id is `ref:12` (one right answer) or `tied:12` (several).

    `overall` is the mean of the subsets that the file has. `unpaired` counts ids of Ties without the other variant.
    """

    name = "rewardbench2"
    columns: ClassVar[tuple[str, ...]] = ("id", "prompt", "chosen", "rejected", "subset")

    def case(self, record: Record) -> Case:
        name, subset = str(record["id"]), record["subset"]
        if subset == TIES and name.partition(":")[0] not in VARIANTS:
            raise InputError(f"rewardbench2: {name} in the subset {TIES} needs an id that begins with ref: or tied:")
        right, wrong = (
            [item(record["prompt"], text) for text in texts(record, side)] for side in ("chosen", "rejected")
        )
        return Case(prompt=name, items=(*right, *wrong), correct=len(right), subset=subset)

    def figures(self, cases: Sequence[Case], rewards: Sequence[Rewards]) -> Figures:
        both = list(zip(cases, rewards, strict=True))
        single = [(case, best_of(each, case.correct)) for case, each in both if case.subset != TIES]
        found = by_subset([case for case, _ in single], [value for _, value in single])
        variants: dict[str, dict[str, Gap]] = {kind: {} for kind in VARIANTS}
        for case, each in both:
            if case.subset == TIES:
                kind, _, number = case.prompt.partition(":")
                variants[kind][number] = Gap.of(each, case.correct)
        ref, tied = (variants[kind] for kind in VARIANTS)
        counts = {}
        if ref or tied:
            found[TIES] = composed([ties_score(ref, tied)], len(ref) + len(tied))
            found |= {
                f"{TIES}, {kind} accuracy": mean_interval([float(gap.accurate) for gap in gaps.values()], list(gaps))
                for kind, gaps in variants.items()
            }
            counts["unpaired"] = count(len(ref.keys() ^ tied.keys()), len(ref.keys() | tied.keys()))
        subsets = [found[name].value for name in {case.subset for case in cases}]
        return found | {"overall": composed(subsets, len(cases))} | counts


class Gap(NamedTuple):
    """Rewards of right and wrong answers to one prompt."""

    spread: float
    """Best - worst right answer; 0 where there is one."""
    gap: float
    """Worst right - best wrong answer."""

    @property
    def accurate(self) -> bool:
        """Whether all right answers are above all wrong ones."""
        return self.gap > 0

    @classmethod
    def of(cls, rewards: Rewards, correct: int) -> Gap:
        right, wrong = rewards[:correct], rewards[correct:]
        return cls(float(right.max() - right.min()), float(right.min() - wrong.max()))


def best_of(rewards: Rewards, correct: int = 1) -> float:
    """1 when a right answer has the highest reward; shared among the answers that have it."""
    top = rewards == rewards.max()
    return float(top[:correct].sum() / top.sum())


def ties_score(ref: dict[str, Gap], tied: dict[str, Gap]) -> float:
    """The weighed score of the subset, at most 1.01. What compares the two variants counts ids that have both."""
    both = [(ref[name].gap, tied[name]) for name in ref.keys() & tied.keys()]
    above = [one.gap > one.spread for _, one in both]
    both_above = [min(gap, one.gap) > one.spread for gap, one in both]
    margins = [np.tanh(_ratio(min(gap, one.gap), one.spread) - 1) for gap, one in both]
    parts = [one.accurate for one in tied.values()], [one.accurate for one in ref.values()], above, both_above, margins
    weights = (0.3, 0.3, 0.2, 0.2, 0.01)
    return float(sum(weight * np.mean(part) for weight, part in zip(weights, parts, strict=True) if len(part)))


def _ratio(gap: float, spread: float) -> float:
    """Their ratio; infinite without spread, and one without either, so that its tanh counts nothing."""
    if spread:
        return gap / spread
    return 1.0 if gap == 0 else np.copysign(np.inf, gap)
