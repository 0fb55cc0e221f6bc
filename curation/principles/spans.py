"""The span check: a principle stands on words that its feedback really says (arXiv 2509.21319, section 5(c)3)."""

from __future__ import annotations

import re
from dataclasses import replace

from pydantic import Field
from rapidfuzz import fuzz

from schemas.base import Strict
from schemas.principles import Principle

WORD = re.compile(r"\w+")


class SpanCheck(Strict):
    """What counts as a quote."""

    above: float = Field(default=60.0, ge=0, lt=100)
    """A quote scores more than this, 100 being exact (RLBFF: rapidfuzz's partial_ratio above 60)."""
    min_words: int = Field(default=3, ge=1)
    """Shorter quotes are no evidence: three letters are found in any text."""

    def checked(self, principle: Principle, feedback: str) -> Principle:
        """The principle with its span score: that of the worst of its quotes that are long enough."""
        spans = [span for span in principle.spans if len(WORD.findall(span)) >= self.min_words]
        if not spans:
            return replace(principle, kept=False, reason="short_span")
        score = min(span_score(span, feedback) for span in spans)
        if score <= self.above:
            return replace(principle, span_score=score, kept=False, reason="span_not_in_feedback")
        return replace(principle, span_score=score)


def span_score(span: str, feedback: str) -> float:
    """How well a quote matches the place of the feedback that is most like it, 0 to 100, but for case and white space.

    A quote longer than the feedback is compared as a whole: the other way round, the feedback would be looked up in it.
    """
    quote, text = (" ".join(one.casefold().split()) for one in (span, feedback))
    compare = fuzz.partial_ratio if len(quote) <= len(text) else fuzz.ratio
    return compare(quote, text)
