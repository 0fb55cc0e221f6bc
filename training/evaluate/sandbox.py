"""Figures that need the truth: how judges, reward models and policies fare against gold in the simulated world.

The only file that reads gold. It takes texts and returns figures; no gold score leaves it for training.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from training.evaluate.intervals import Interval, difference_interval, mean_interval
from training.sandbox.gold import brevity, gold


def golds(prompts: Sequence[str], responses: Sequence[str]) -> NDArray[np.float64]:
    """[N] gold scores in 0..1 of the responses."""
    return np.array([gold(prompt, text) for prompt, text in zip(prompts, responses, strict=True)], dtype=np.float64)


def brevities(responses: Sequence[str]) -> NDArray[np.float64]:
    """[N] in 0..1: a second truth, which pulls away from gold."""
    return np.array([brevity(text) for text in responses], dtype=np.float64)


def mean_gold(prompts: Sequence[str], responses: Sequence[str]) -> Interval:
    """Mean gold score with its interval over prompts."""
    return mean_interval(golds(prompts, responses), prompts)


def gold_gain(prompts: Sequence[str], after: Sequence[str], before: Sequence[str]) -> Interval:
    """Mean of gold(after) - gold(before), answers paired by prompt."""
    return difference_interval(golds(prompts, after), golds(prompts, before), prompts)


def ranking_accuracy(prompts: Sequence[str], responses: Sequence[str], scores: ArrayLike) -> Interval:
    """Share of two answers to one prompt, with different gold, that `scores` [N] orders as gold does; ties are half."""
    truth, given = golds(prompts, responses), np.asarray(scores, dtype=np.float64)
    by_prompt: dict[str, list[int]] = {}
    for place, prompt in enumerate(prompts):
        by_prompt.setdefault(prompt, []).append(place)
    right: list[float] = []
    where: list[str] = []
    for prompt, places in by_prompt.items():
        for one, other in combinations(places, 2):
            if truth[one] == truth[other]:
                continue
            agreement = np.sign(truth[one] - truth[other]) * np.sign(given[one] - given[other])
            right.append(float(agreement + 1) / 2)
            where.append(prompt)
    return mean_interval(right, where)


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """One verdict of a pairwise judge: the texts in the order shown, and which it preferred (first, second, tie)."""

    prompt: str
    first: str
    second: str
    preferred: str


CREDIT: Mapping[str, float] = {"first": 1.0, "tie": 0.5, "second": 0.0}


def verdict_accuracy(verdicts: Sequence[Comparison]) -> Interval:
    """Share of verdicts on answers with different gold that name the better one; a tie is half."""
    right: list[float] = []
    where: list[str] = []
    for verdict in verdicts:
        gap = gold(verdict.prompt, verdict.first) - gold(verdict.prompt, verdict.second)
        if gap:
            credit = CREDIT[verdict.preferred]
            right.append(credit if gap > 0 else 1 - credit)
            where.append(verdict.prompt)
    return mean_interval(right, where)


def first_share(verdicts: Sequence[Comparison]) -> Interval:
    """Share of decided verdicts for the answer shown first: 0.5 for a judge who asks both orders and has no bias."""
    decided = [verdict for verdict in verdicts if verdict.preferred != "tie"]
    return mean_interval([CREDIT[verdict.preferred] for verdict in decided], [verdict.prompt for verdict in decided])
