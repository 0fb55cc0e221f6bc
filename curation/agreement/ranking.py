"""How well scores keep a true order of answers: the accuracy reward of RewardAnything (arXiv 2506.03637)."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations
from typing import Any


def rank_accuracy(truth: Mapping[Any, float], said: Mapping[Any, float]) -> float | None:
    """0 to 1 for the scores `said` of answers, by name, beside their true ones.

    A pair of answers weighs 1 + its true difference; reversed it costs its weight, tied half of it. Truly equal ones
    weigh nothing, and where all are there is no order to keep: None. An answer without a score counts as tied with the
    worst, and no more than the share of answers with one is reached.
    """
    least = min(said.values(), default=0.0) - 1
    weight = lost = 0.0
    for one, other in combinations(sorted(truth), 2):
        true = truth[one] - truth[other]
        if not true:
            continue
        difference = (said.get(one, least) - said.get(other, least)) * true
        weight += 1 + abs(true)
        lost += (1 + abs(true)) * (0.0 if difference > 0 else 0.5 if difference == 0 else 1.0)
    if not weight:
        return None
    scored = len(truth.keys() & said.keys())
    return min(max(0.0, 1 - lost / weight), scored / len(truth)) if scored > 1 else 0.0
