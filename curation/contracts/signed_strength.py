"""A signed strength in an answer tag: Think-RM's multiclass verdict (arXiv 2505.16265)."""

from __future__ import annotations

import re

from pydantic import Field

from curation.contracts import Contract, Reading, failed

SIGNED = re.compile(r"[+-]?[0-9]{1,9}")
MINUS = "\N{MINUS SIGN}"


class SignedStrength(Contract):
    """A whole number from -`most` to `most` between the tags: its sign says which response, its size by how much.

    Which sign favours which response is for the prompt to say. 0 is a value that a judge must have given: a reply
    without the tag is a failure. The tag must hold the number alone, so that `10` and `3/5` are no verdicts.

    Reads `The second one shows its work. <answer>−2</answer>` as `-2`.
    """  # noqa: RUF002 - a Unicode minus is what the example is about

    name = "signed_strength"

    most: int = Field(default=3, ge=1)
    """Largest strength."""
    tag: str = Field(default="answer", pattern=r"^\w+$")
    """Name of the tag."""

    def read(self, text: str) -> Reading:
        opened = (part.partition(f"</{self.tag}>") for part in text.split(f"<{self.tag}>")[1:])
        said = {self._strength(inside.strip()) for inside, closed, _ in opened if closed}
        if not said:
            return failed("missing")
        return said.pop() if len(said) == 1 else failed("contradictory")

    def _strength(self, said: str) -> Reading:
        plain = said.replace(MINUS, "-")
        if not SIGNED.fullmatch(plain):
            return failed("unparsable")
        strength = int(plain)
        return Reading(value=strength) if abs(strength) <= self.most else failed("out_of_range")
