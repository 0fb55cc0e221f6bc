"""The side that most votes prefer."""

from __future__ import annotations

from collections.abc import Iterator

from curation.labels.comparison import Comparison, by_majority
from curation.labels.evidence import Evidence
from curation.pairing import PairBuilder


class Majority(PairBuilder):
    """One pair for each compared couple of responses, by majority of the votes that are no ties."""

    name = "majority"

    def comparisons(self, evidence: Evidence) -> Iterator[Comparison]:
        for a, b in evidence.couples:
            yield by_majority(evidence, a, b)
