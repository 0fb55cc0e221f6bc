"""Yes or no, by the log-odds of one token: RLBFF's reward (arXiv 2509.21319)."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import model_validator

from curation.contracts import LogprobsContract, Position, Sides


class YesNoLogprobs(LogprobsContract):
    """r = log p(yes) - log p(no) of the first token; each side sums its variants in case and white space.

    Ask for one token and at least 20 alternatives.

    Reads `[{"Yes": -0.2, " yes": -2.5, "No": -2.0, "Well": -6.0}]` as `1.8955`.
    """

    name = "yes_no_logprobs"

    yes: str = "Yes"
    """The first answer, one token long. Case and the white space around it do not count."""
    no: str = "No"
    """The second answer."""

    @model_validator(mode="after")
    def _can_be_told_apart(self) -> YesNoLogprobs:
        words = {_plain(self.yes), _plain(self.no)}
        if len(words) < 2 or "" in words:
            raise ValueError("the two answers differ in more than case, and neither is empty")
        return self

    def sides(self, positions: Sequence[Position]) -> Sides | None:
        if not positions:
            return None
        first, second = (
            [p for said, p in positions[0].items() if _plain(said) == _plain(word)] for word in (self.yes, self.no)
        )
        return Sides(first=first, second=second, listed=list(positions[0].values()))


def _plain(text: str) -> str:
    return text.strip().casefold()
