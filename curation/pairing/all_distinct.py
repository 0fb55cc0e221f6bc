"""Every two responses whose mean scores differ (UltraRM's pairs, arXiv 2310.01377)."""

from __future__ import annotations

from collections.abc import Iterator

from curation.labels.comparison import Comparison
from curation.labels.evidence import Evidence
from curation.pairing import ByScore, scored_pairs


class AllDistinct(ByScore):
    """All pairs of a prompt's responses with different scores: most data for a reward model."""

    name = "all_distinct"

    def comparisons(self, evidence: Evidence) -> Iterator[Comparison]:
        for one, other in scored_pairs(evidence):
            yield self.compare(evidence, one, other)
