"""A rating that is the whole reply: LLMBar's raters (arXiv 2310.07641) answer with a whole number and nothing else."""

from __future__ import annotations

import re

from pydantic import model_validator

from curation.contracts import Contract, Reading, failed

WHOLE = re.compile(r"[+-]?[0-9]{1,9}")


class IntegerRating(Contract):
    """A whole number from `lo` to `hi`, alone.

    Reads `9` as `9`.
    """

    name = "integer_rating"

    lo: int = 0
    """Lowest rating."""
    hi: int = 10
    """Highest rating. Recorded raters who were asked for 0 to 9 also gave 10."""

    @model_validator(mode="after")
    def _is_a_scale(self) -> IntegerRating:
        if self.lo >= self.hi:
            raise ValueError(f"a scale from {self.lo} to {self.hi} has no two ratings; let lo be below hi")
        return self

    def read(self, text: str) -> Reading:
        said = text.strip()
        if not WHOLE.fullmatch(said):
            return failed("unparsable" if said else "missing")
        rating = int(said)
        return Reading(value=rating) if self.lo <= rating <= self.hi else failed("out_of_range")
