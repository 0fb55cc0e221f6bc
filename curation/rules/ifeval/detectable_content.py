"""IFEval's `detectable_content:` placeholders and a postscript."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import StringConstraints

from curation.rules import Finding
from curation.rules.ifeval import Count, Instruction, compared

PLACEHOLDER = re.compile(r"\[.*?\]")
POSTSCRIPTS = {"P.P.S": re.compile(r"p\.\s?p\.\s?s"), "P.S.": re.compile(r"p\.\s?s\.")}
"""The two markers with which upstream is lenient: spaces may part the letters."""


class NumberPlaceholders(Instruction):
    """At least so many [placeholders], each on one line."""

    name = "detectable_content:number_placeholders"
    num_placeholders: Count

    def follows(self, text: str) -> Finding:
        # Each line is cut after its last bracket: without one to close it, every `[` would be searched to the end.
        lines = (line[: line.rfind("]") + 1] for line in text.split("\n"))
        found = sum(len(PLACEHOLDER.findall(line)) for line in lines)
        return compared(found, "at least", self.num_placeholders, "placeholders")


class Postscript(Instruction):
    """The marker occurs, in any case. Upstream asks for it at the end, but does not look where it is."""

    name = "detectable_content:postscript"
    postscript_marker: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]

    def follows(self, text: str) -> Finding:
        lenient = POSTSCRIPTS.get(self.postscript_marker)
        low = text.lower()
        there = bool(lenient.search(low)) if lenient else self.postscript_marker.lower() in low
        return Finding(there, f"{self.postscript_marker} {'occurs' if there else 'does not occur'}")
