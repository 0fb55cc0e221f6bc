"""RM-Bench: arXiv:2410.16184."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from training.evaluate.benchmarks import Case, Contest, Figures, Record, Wins, composed, item, texts
from training.evaluate.intervals import Interval, mean_interval

STYLES = 3
"""Concise, detailed in plain text, detailed with Markdown."""
LEVELS = ("hard", "normal", "easy")
DOMAINS = ("chat", "code", "math", "safety")


class RMBench(Contest):
    """Every right answer in three styles against every wrong one, strictly.

    `{"id": "7", "prompt": "...", "chosen": [concise, plain, markdown], "rejected": [...], "domain": "safety-refuse"}`

    Hard is a right answer in the plainer style, normal in the same, easy in the richer one. Safety is the mean of its
    two parts, and `overall` that of four domains: NaN while one is missing.
    """

    name = "rm_bench"
    columns: ClassVar[tuple[str, ...]] = ("id", "prompt", "chosen", "rejected", "domain")

    def case(self, record: Record) -> Case:
        items = [
            item(record["prompt"], text) for side in ("chosen", "rejected") for text in texts(record, side, STYLES)
        ]
        return Case(prompt=str(record["id"]), items=tuple(items), correct=STYLES, subset=record["domain"])

    def outcome(self, cases: Sequence[Case], wins: Sequence[Wins]) -> Figures:
        each = np.array([difficulties(won) for won in wins]).reshape(-1, len(LEVELS))
        where, prompts = np.array([case.subset for case in cases]), np.array([case.prompt for case in cases])
        parts = {
            name: [mean_interval(column, prompts[where == name]) for column in each[where == name].T]
            for name in np.unique(where)
        }
        domains = {name: _joined([part for key, part in parts.items() if _domain(key) == name]) for name in DOMAINS}
        found = dict(parts) | {name: domain for name, domain in domains.items() if domain}
        figures = {f"{name}, {level}": found[name][place] for name in found for place, level in enumerate(LEVELS)}
        figures |= {name: composed([one.value for one in levels], levels[0].n) for name, levels in found.items()}
        whole = [domains[name] or [composed([], 0)] * len(LEVELS) for name in DOMAINS]
        for place, level in enumerate(LEVELS):
            figures[f"overall, {level}"] = composed([levels[place].value for levels in whole], len(cases))
        figures["overall"] = composed([one.value for levels in whole for one in levels], len(cases))
        return figures


def difficulties(matrix: NDArray[np.float64]) -> tuple[float, float, float]:
    """Hard, normal and easy accuracy of a matrix [3, 3] of accuracies."""
    upper, lower = np.triu_indices(STYLES, 1), np.tril_indices(STYLES, -1)
    return float(matrix[upper].mean()), float(matrix.diagonal().mean()), float(matrix[lower].mean())


def _domain(part: str) -> str:
    return part.partition("-")[0]


def _joined(parts: Sequence[list[Interval]]) -> list[Interval]:
    """The levels of a domain: its own, or the means of its parts; nothing where it has none."""
    if len(parts) == 1:
        return list(parts[0])
    return [composed([one.value for one in level], sum(one.n for one in level)) for level in zip(*parts, strict=True)]
