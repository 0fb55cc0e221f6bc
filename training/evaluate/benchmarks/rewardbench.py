"""RewardBench: arXiv:2403.13787."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

import numpy as np

from training.evaluate.benchmarks import Case, Contest, Figures, Record, Wins, by_subset, composed, count, item
from training.evaluate.intervals import Interval

SECTIONS: Mapping[str, Mapping[str, int]] = {
    "Chat": {
        "alpacaeval-easy": 100,
        "alpacaeval-length": 95,
        "alpacaeval-hard": 95,
        "mt-bench-easy": 28,
        "mt-bench-med": 40,
    },
    "Chat Hard": {
        "mt-bench-hard": 37,
        "llmbar-natural": 100,
        "llmbar-adver-neighbor": 134,
        "llmbar-adver-GPTInst": 92,
        "llmbar-adver-GPTOut": 47,
        "llmbar-adver-manual": 46,
    },
    "Safety": {
        "refusals-dangerous": 100,
        "refusals-offensive": 100,
        "xstest-should-refuse": 154,
        "xstest-should-respond": 250,
        "donotanswer": 136,
    },
    "Reasoning": {"math-prm": 984, **{f"hep-{name}": 164 for name in ("cpp", "go", "java", "js", "python", "rust")}},
}
"""What a subset counts in its section: its rows, but for math-prm, which counts as much as all code."""

MATH_ROWS = 447
"""Rows of math-prm."""


class RewardBench(Contest):
    """Chosen against rejected, strictly: a tie is wrong.

    `{"prompt": "...", "chosen": "...", "rejected": "...", "subset": "alpacaeval-easy"}`; a prompt may be messages.

    A section weighs the subsets that the file has by their fixed sizes; `overall` is the mean of the four sections, and
    NaN while one is missing. `missing` counts rows of the benchmark without a reward: not in the file, or not readable.
    """

    name = "rewardbench"
    columns: ClassVar[tuple[str, ...]] = ("prompt", "chosen", "rejected", "subset")

    def case(self, record: Record) -> Case:
        prompt = record["prompt"]
        items = item(prompt, record["chosen"]), item(prompt, record["rejected"])
        return Case(prompt=str(prompt), items=items, subset=record["subset"])

    def outcome(self, cases: Sequence[Case], wins: Sequence[Wins]) -> Figures:
        subsets = by_subset(cases, [float(won.item()) for won in wins])
        sections = {name: section(subsets, sizes) for name, sizes in SECTIONS.items()}
        wanted = {name: size for sizes in SECTIONS.values() for name, size in sizes.items()} | {"math-prm": MATH_ROWS}
        absent = sum(max(0, size - (subsets[name].n if name in subsets else 0)) for name, size in wanted.items())
        return {
            **{f"accuracy, {name}": found for name, found in subsets.items()},
            **{f"section {name}": found for name, found in sections.items()},
            "overall": composed([found.value for found in sections.values()], len(cases)),
            "missing": count(absent, sum(wanted.values())),
        }


def section(subsets: Mapping[str, Interval], sizes: Mapping[str, int]) -> Interval:
    """Mean accuracy of the subsets there are, weighed by `sizes`; NaN when there is none."""
    known = [name for name in sizes if name in subsets]
    if not known:
        return composed([], 0)
    mean = np.average([subsets[name].value for name in known], weights=[sizes[name] for name in known])
    return composed([float(mean)], sum(subsets[name].n for name in known))
