"""Responses of one prompt on one scale: who won how often, and which of them can be compared at all."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from curation.labels.evidence import Evidence


def parts(evidence: Evidence) -> list[list[str]]:
    """Groups of responses that comparisons connect, in id order: between two groups nothing is known."""
    group_of: dict[str, set[str]] = {}
    for a, b in evidence.couples:
        joined = group_of.get(a, {a}) | group_of.get(b, {b})
        group_of |= dict.fromkeys(joined, joined)
    return [sorted(group) for name, group in sorted(group_of.items()) if name == min(group)]


def wins(evidence: Evidence, names: Sequence[str]) -> NDArray[np.float64]:
    """[winner, loser]: votes won. A tie is half a win for each, and so is having been compared.

    The half win keeps every strength finite; with two responses and no ties their share of wins is that of
    (wins + 1/2) / (votes + 1).
    """
    place = {name: number for number, name in enumerate(names)}
    won = np.zeros((len(names), len(names)))
    for a, b in evidence.couples:
        if a in place and b in place:
            won[place[a], place[b]] += 0.5
            won[place[b], place[a]] += 0.5
    for ballot in evidence.ballots:
        if ballot.a in place and ballot.b in place:
            share = {"a": 1.0, "tie": 0.5, "b": 0.0}[ballot.verdict]
            won[place[ballot.a], place[ballot.b]] += share
            won[place[ballot.b], place[ballot.a]] += 1 - share
    return won


def tied_share(evidence: Evidence, a: str, b: str) -> float:
    """Ties / (votes + 1): the probability of a tie that goes with (wins + 1/2) / (votes + 1)."""
    ballots = evidence.ballots_on(a, b)
    return sum(ballot.verdict == "tie" for ballot in ballots) / (len(ballots) + 1)
