"""The three votes that agree most: HelpSteer2-Preference's aggregation of signed strengths (arXiv 2410.01257)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import copysign, floor
from statistics import mean, median

from pydantic import Field

from curation.labels.comparison import Comparison, winners_share
from curation.labels.evidence import Evidence
from curation.pairing import PairBuilder


class ThreeSimilar(PairBuilder):
    """One pair for each compared couple, by the mean strength of the three votes that lie closest together.

    Dropped: couples with too few votes, those whose three still lie too far apart, and those that come out even.
    margin: the mean, rounded to a whole number, half away from 0; soft_label: the winner's share of all votes that are
    no ties. Where several threes lie equally close, the one nearest to the median of all votes counts, then the weaker
    one: the paper does not say. If threes for either side remain, nothing is decided.
    """

    name = "three_similar"

    least_votes: int = Field(default=3, ge=1)
    """Votes that a couple needs; with fewer than three, all of them count."""
    most_spread: float = Field(default=2.0, ge=0)
    """Largest distance between the strongest and the weakest of the three."""

    def comparisons(self, evidence: Evidence) -> Iterator[Comparison]:
        for a, b in evidence.couples:
            yield self._decide(a, b, [ballot.towards(a) for ballot in evidence.ballots_on(a, b)])

    def _decide(self, a: str, b: str, strengths: Sequence[float]) -> Comparison:
        if len(strengths) < self.least_votes:
            return Comparison(better=a, worse=b, dropped="too_few_votes")
        threes = most_similar(strengths)
        if len({strength_of(three) > 0 for three in threes if strength_of(three)}) > 1:
            return Comparison(better=a, worse=b, dropped="split_vote")
        kept = strength_of(threes[0])
        better, worse = (a, b) if kept >= 0 else (b, a)
        if max(threes[0]) - min(threes[0]) > self.most_spread:
            return Comparison(better=better, worse=worse, dropped="votes_far_apart")
        if not kept:
            return Comparison(better=better, worse=worse, dropped="tie")
        signed = [copysign(1, kept) * strength for strength in strengths]
        return Comparison(better=better, worse=worse, margin=abs(kept), soft_label=winners_share(signed))


def most_similar(strengths: Sequence[float]) -> list[list[float]]:
    """The three strengths closest together; several threes where nothing tells them apart but their sign."""
    ordered = sorted(strengths)
    size = min(3, len(ordered))
    threes = [ordered[start : start + size] for start in range(len(ordered) - size + 1)]
    middle = median(ordered)

    def key(three: list[float]) -> tuple[float, float, float]:
        return three[-1] - three[0], abs(mean(three) - middle), abs(mean(three))

    best = min(map(key, threes))
    return [three for three in threes if key(three) == best]


def strength_of(three: Sequence[float]) -> float:
    """Their mean, rounded half away from 0."""
    found = mean(three)
    return copysign(floor(abs(found) + 0.5), found)
