"""A decided comparison: by majority, or by how likely the votes make each side."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import log
from typing import NamedTuple

from curation.labels.evidence import Evidence

EVEN = 1e-6
"""Probabilities closer than this are equal: what parts them is rounding."""
CERTAIN = 0.9999
"""No probability is trusted beyond this when it is turned into a margin."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """A decided comparison, or with `dropped` the reason why it makes no pair."""

    better: str
    worse: str
    margin: float | None = None
    soft_label: float = 1.0
    dropped: str | None = None


class Posterior(NamedTuple):
    """How likely it is that a is better, that b is, and that neither is: in sum 1."""

    a: float
    b: float
    tie: float = 0.0


def by_majority(evidence: Evidence, a: str, b: str) -> Comparison:
    """What most votes on a couple say that are no ties.

    margin: mean signed strength towards the winner over all votes, ties as 0; soft_label: the winner's share of the
    votes that are no ties.
    """
    net = evidence.net_wins(a, b)
    better, worse = (a, b) if net >= 0 else (b, a)
    signed = [ballot.towards(better) for ballot in evidence.ballots_on(a, b)]
    if not net:
        return Comparison(better=better, worse=worse, dropped="split_vote" if any(signed) else "tie")
    return Comparison(
        better=better, worse=worse, margin=max(sum(signed) / len(signed), 0.0), soft_label=winners_share(signed)
    )


def winners_share(signed: Sequence[float]) -> float:
    """Share of the strengths above 0, the winner's, among those that are no ties."""
    return sum(strength > 0 for strength in signed) / sum(strength != 0 for strength in signed)


def log_odds(better: float, worse: float) -> float:
    """Logarithm of how much likelier the better side is, 9.2 at most (CERTAIN)."""
    share = min(better / (better + worse), CERTAIN)
    return log(share / (1 - share))


def by_posterior(
    a: str, b: str, likely: Posterior, least: float, margin: Callable[[float, float], float] = log_odds
) -> Comparison:
    """The likelier side of a couple. Dropped: ties, even odds, and winners less likely than `least`.

    margin: of the two sides' probabilities; soft_label: the winner's probability if one of the two is better.
    """
    better, worse = (a, b) if likely.a >= likely.b else (b, a)
    ahead, behind = max(likely.a, likely.b), min(likely.a, likely.b)
    if likely.tie >= ahead - EVEN:
        return Comparison(better=better, worse=worse, dropped="tie")
    if ahead - behind < EVEN:
        return Comparison(better=better, worse=worse, dropped="split_vote")
    if ahead < least - EVEN:
        return Comparison(better=better, worse=worse, dropped="unsure")
    return Comparison(better=better, worse=worse, margin=margin(ahead, behind), soft_label=ahead / (ahead + behind))
