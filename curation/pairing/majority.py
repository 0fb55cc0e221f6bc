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
        for a, b in evidence.couples:
            yield self._decide(evidence, a, b)

    def _decide(self, evidence: Evidence, a: str, b: str) -> Comparison:
        net = evidence.net_wins(a, b)
        better, worse = (a, b) if net >= 0 else (b, a)
        signed = [ballot.towards(better) for ballot in evidence.ballots_on(a, b)]
        decided = [strength for strength in signed if strength]
        if not net:
            return Comparison(better=better, worse=worse, dropped="split_vote" if decided else "tie")
        return Comparison(
            better=better,
            worse=worse,
            margin=max(sum(signed) / len(signed), 0.0),
            soft_label=sum(strength > 0 for strength in decided) / len(decided),
        )
