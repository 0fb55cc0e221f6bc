"""A verdict tag at the end of a long reasoning: RM-R1 (arXiv 2505.02387) reads the last 80 characters."""

from __future__ import annotations

import re

from pydantic import Field

from curation.contracts import LabelContract, Reading, failed

TAG = re.compile(r"\[\[([^\[\]]*)\]\]")


class TailVerdict(LabelContract):
    """A label in double brackets among the last characters, where only one label may stand.

    What the reasoning says before the tail does not count, also where it holds the tag.

    Reads `B quotes the source and A does not. <answer>[[B]]</answer>` as `"B"`.
    """

    name = "tail_verdict"

    tail_chars: int = Field(default=80, ge=5)
    """Length of the tail, without the white space after it."""

    def read(self, text: str) -> Reading:
        tags = set(TAG.findall(text.rstrip()[-self.tail_chars :]))
        if not tags:
            return failed("missing")
        return self.named(tags.pop()) if len(tags) == 1 else failed("contradictory")
