"""The best against any other response, drawn once: how Zephyr read UltraFeedback (arXiv 2310.16944)."""

from __future__ import annotations

from collections.abc import Iterator

from curation.labels.comparison import Comparison
from curation.labels.evidence import Evidence
from curation.pairing import ByScore, best_first, drawn


class BestVsRandom(ByScore):
    """One pair for each prompt. A draw that scores no less than the best is dropped as a tie.

    Zephyr kept such draws: `min_margin: -1` does too.
    """

    name = "best_vs_random"

    seed: int = 0
    """Of the draw, which depends on the response alone: more prompts or responses re-draw nothing."""

    def comparisons(self, evidence: Evidence) -> Iterator[Comparison]:
        order = best_first(evidence)
        if len(order) > 1:
            yield self.compare(evidence, order[0], drawn(order[1:], self.seed))
