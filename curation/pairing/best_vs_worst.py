"""The best against the worst response of each prompt."""

from __future__ import annotations

from collections.abc import Iterator

from curation.labels.comparison import Comparison
from curation.labels.evidence import Evidence
from curation.pairing import ByScore, best_first


class BestVsWorst(ByScore):
    """One pair for each prompt, with the largest margin. Equal scores are ordered by hash, not by position."""

    name = "best_vs_worst"

    def comparisons(self, evidence: Evidence) -> Iterator[Comparison]:
        order = best_first(evidence)
        if len(order) > 1:
            yield self.compare(evidence, order[0], order[-1])
