"""An overall score on the last line, after a critique: UltraFeedback's second annotation (arXiv 2310.01377)."""

from __future__ import annotations

import re

from pydantic import Field, model_validator

from curation.contracts import NOT_APPLICABLE, Contract, Reading, failed

LABELLED = re.compile(r"overall[ _]score[ \t]*:(.*)", re.IGNORECASE)
NUMBER = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,9})?)(?:[ \t]*/[ \t]*([0-9]{1,9}))?")
"""`8`, `8.5` or `8/10`. A bare 1 is a 1: nothing is scaled."""


class OverallScore(Contract):
    r"""A number from `lo` to `hi`, or `N/A`, on the last line; `Overall score:` may stand before it.

    `8/10` is 8, and `8/5` is no score on a scale up to 10. The value is always a float.

    Reads `It answers the question, but names no source.\nOverall score: 8/10` as `8.0`.
    """

    name = "overall_score"

    lo: float = 1
    """Lowest score."""
    hi: int = Field(default=10, gt=0)
    """Highest score, and what a fraction is out of."""

    @model_validator(mode="after")
    def _is_a_scale(self) -> OverallScore:
        if self.lo >= self.hi:
            raise ValueError(f"a scale from {self.lo} to {self.hi} has no two scores; let lo be below hi")
        return self

    def read(self, text: str) -> Reading:
        lines = [line.strip() for line in text.splitlines() if line.strip()]
        if not lines:
            return failed("missing")
        labelled = [found[1].strip() for line in lines if (found := LABELLED.fullmatch(line))]
        if len({self._score(said) for said in labelled}) > 1:
            return failed("contradictory")
        last = LABELLED.fullmatch(lines[-1])
        score = self._score(last[1].strip() if last else lines[-1])
        no_score = last is None and (labelled or score.failure == "unparsable")
        return failed("missing") if no_score else score

    def _score(self, said: str) -> Reading:
        if said.upper() in {"N/A", "NA"}:
            return NOT_APPLICABLE
        found = NUMBER.fullmatch(said)
        if found is None or found[2] not in {None, str(self.hi)}:
            return failed("unparsable")
        score = float(found[1])
        return Reading(value=score) if self.lo <= score <= self.hi else failed("out_of_range")
