"""The best against the worst response of each prompt."""

from __future__ import annotations

from collections.abc import Iterator

from curation.pairing import ByScore, Comparison, Evidence
from schemas.ids import draw


class BestVsWorst(ByScore):
    """One pair for each prompt, with the largest margin. Equal scores are ordered by hash, not by position."""

    name = "best_vs_worst"

    def comparisons(self, evidence: Evidence) -> Iterator[Comparison]:
        rated = {key: score for key, score in evidence.scores.items() if score is not None}
        if len(rated) < 2:
            return
        order = sorted(rated, key=lambda key: (rated[key], draw("equal", key)))
        yield self.compare(evidence, order[-1], order[0])
