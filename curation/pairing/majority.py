"""The side that most votes prefer."""

from __future__ import annotations

from collections.abc import Iterator

from curation.pairing import Comparison, Evidence, PairBuilder


class Majority(PairBuilder):
    """One pair for each compared couple of responses, by majority of the votes that are no ties.

    margin: mean signed strength towards the winner over all votes, ties as 0; soft_label: the winner's share of the
    votes that are no ties.
    """

    name = "majority"

    def comparisons(self, evidence: Evidence) -> Iterator[Comparison]:
        for a, b in sorted({(ballot.a, ballot.b) for ballot in evidence.ballots}):
            yield self._decide(evidence, a, b)

    def _decide(self, evidence: Evidence, a: str, b: str) -> Comparison:
        ballots = evidence.ballots_on(a, b)
        net = evidence.net_wins(a, b)
        better, worse = (a, b) if net >= 0 else (b, a)
        if not net:
            split = any(ballot.verdict != "tie" for ballot in ballots)
            return Comparison(better=better, worse=worse, dropped="split_vote" if split else "tie")
        decided = [ballot for ballot in ballots if ballot.verdict != "tie"]
        wins = sum((ballot.a if ballot.verdict == "a" else ballot.b) == better for ballot in decided)
        signed = [
            (ballot.strength or 1.0) * (1 if (ballot.a if ballot.verdict == "a" else ballot.b) == better else -1)
            for ballot in decided
        ]
        return Comparison(
            better=better, worse=worse, margin=max(sum(signed) / len(ballots), 0.0), soft_label=wins / len(decided)
        )
