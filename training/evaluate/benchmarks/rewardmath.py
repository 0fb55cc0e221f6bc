"""RewardMATH: arXiv:2410.01729."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import ClassVar, Literal

import numpy as np

from schemas.errors import InputError
from training.evaluate.benchmarks import Case, Contest, Figures, Record, Rewards, Wins, count, item
from training.evaluate.intervals import mean_interval

CANDIDATES = 10
"""Solutions of a problem: a right one and nine wrong ones."""

Steps = Literal["min", "max", "prod", "geometric mean", "mean", "mean logit", "last"]


class RewardMath(Contest):
    """One right solution against nine wrong ones, strictly, and how high it ranks.

    `{"problem_id": 3, "problem": "...", "eval_solution": ["step", ...], "solution_type": "chosen"}`

    A record is one candidate; its solution may be one text, and the type of a wrong one is `rejected`.

    `incomplete` counts problems that do not have ten candidates of which one is right. Those with no right or no wrong
    solution have no other part in the figures.
    """

    name = "rewardmath"
    columns: ClassVar[tuple[str, ...]] = ("problem_id", "problem", "eval_solution", "solution_type")

    def case(self, record: Record) -> Case:
        solution = record["eval_solution"]
        text = solution if isinstance(solution, str) else "\n".join(solution)
        right = record["solution_type"] == "chosen"
        return Case(prompt=str(record["problem_id"]), items=(item(record["problem"], text),), correct=int(right))

    def grouped(self, cases: Sequence[Case]) -> list[Case]:
        ordered = sorted(cases, key=lambda case: (case.prompt, -case.correct))
        return [_problem(name, list(found)) for name, found in groupby(ordered, key=lambda case: case.prompt)]

    def outcome(self, cases: Sequence[Case], wins: Sequence[Wins]) -> Figures:
        both = [(case, won) for case, won in zip(cases, wins, strict=True) if won.size]
        ranks = [rank(won) for _, won in both]
        prompts = [case.prompt for case, _ in both]
        incomplete = [case for case in cases if (case.correct, len(case.items)) != (1, CANDIDATES)]
        return {
            "accuracy": mean_interval([float(place == 1) for place in ranks], prompts),
            "mean reciprocal rank": mean_interval([1 / place for place in ranks], prompts),
            "incomplete": count(len(incomplete), len(cases)),
        }


def _problem(name: str, candidates: Sequence[Case]) -> Case:
    items = tuple(one.items[0] for one in candidates)
    return Case(prompt=name, items=items, correct=sum(one.correct for one in candidates))


def rank(won: Wins) -> int:
    """Place of the best right solution among the wrong ones, from 1; a wrong one that it does not beat comes first."""
    return 1 + int((1 - won).sum(axis=1).min())


def of_steps(scores: Rewards, how: Steps) -> float:
    """One reward of the scores of a solution's steps, each a probability. Products are sums of logarithms."""
    if not len(scores):
        raise InputError("A solution has no steps; leave it out, or score it as one step.")
    with np.errstate(divide="ignore"):
        logs = np.log(np.asarray(scores, dtype=np.float64))
        match how:
            case "min" | "max" | "mean":
                return float(getattr(np, how)(scores))
            case "prod":
                return float(np.exp(logs.sum()))
            case "geometric mean":
                return float(np.exp(logs.mean()))
            case "mean logit":
                return float((logs - np.log1p(-np.asarray(scores, dtype=np.float64))).mean())
            case "last":
                return float(scores[-1])
