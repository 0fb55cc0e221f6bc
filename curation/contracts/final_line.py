"""The last line names the winner: the rubric-conditioned judge of OpenRubrics (arXiv 2510.07743)."""

from __future__ import annotations

import re

from pydantic import Field

from curation.contracts import LabelContract, Reading, failed


class FinalLine(LabelContract):
    r"""The last line is `Winner: <label>`, as a whole. Another such line may only repeat it.

    Reads `A keeps to 80 words and B does not.\nWinner: A` as `"A"`.
    """

    name = "final_line"

    word: str = Field(default="Winner", min_length=1)
    """What stands before the colon; case does not count."""

    def read(self, text: str) -> Reading:
        lines = [line.strip() for line in text.splitlines() if line.strip()]
        said = [self._said(line) for line in lines]
        if not said or said[-1] is None:
            return failed("missing")
        if len(set(said) - {None}) > 1 or len(self._mentioned(said[-1])) > 1:
            return failed("contradictory")
        return self.named(said[-1])

    def _said(self, line: str) -> str | None:
        word, colon, said = line.partition(":")
        return said.strip() if colon and word.strip().casefold() == self.word.casefold() else None

    def _mentioned(self, said: str) -> set[str]:
        """Labels that are named as whole words, unless what is said is a label."""
        labels = {*self.labels, *([self.tie] if self.tie else [])}
        return (
            {said} if said in labels else {one for one in labels if re.search(rf"(?<!\w){re.escape(one)}(?!\w)", said)}
        )
