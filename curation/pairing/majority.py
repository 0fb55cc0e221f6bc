"""The side that most votes prefer."""

from __future__ import annotations

from collections.abc import Iterator

from curation.pairing import Comparison, Evidence, PairBuilder, by_majority


class Majority(PairBuilder):
    """One pair for each compared couple of responses, by majority of the votes that are no ties."""

    name = "majority"

    def comparisons(self, evidence: Evidence) -> Iterator[Comparison]:
        for a, b in evidence.couples:
            yield by_majority(evidence, a, b)
