"""IFEval's `punctuation:` no comma."""

from __future__ import annotations

from curation.rules import Finding
from curation.rules.ifeval import Instruction


class NoComma(Instruction):
    """Not one comma."""

    name = "punctuation:no_comma"

    def follows(self, text: str) -> Finding:
        return Finding("," not in text, f"{text.count(',')} commas, want none")
