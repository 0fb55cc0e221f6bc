"""The best against a lower-scored response, drawn once: how Argilla read UltraFeedback."""

from __future__ import annotations

from collections.abc import Iterator

from curation.labels.comparison import Comparison
from curation.labels.evidence import Evidence
from curation.pairing import ByScore, best_first, drawn

TOO_CLOSE = ("tie", "small_margin")


class BestVsLowerRandom(ByScore):
    """One pair for each prompt; the rejected response is drawn from those more than `min_margin` below the best."""

    name = "best_vs_lower_random"

    seed: int = 0
    """Of the draw, which depends on the response alone: more prompts or responses re-draw nothing."""

    def comparisons(self, evidence: Evidence) -> Iterator[Comparison]:
        order = best_first(evidence)
        if len(order) < 2:
            return
        lower = [other for other in order[1:] if self.compare(evidence, order[0], other).dropped not in TOO_CLOSE]
        yield self.compare(evidence, order[0], drawn(lower, self.seed) if lower else order[1])
