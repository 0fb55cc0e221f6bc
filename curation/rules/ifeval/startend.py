"""IFEval's `startend:` the last phrase, and quotation marks around it all."""

from __future__ import annotations

from typing import Annotated

from pydantic import StringConstraints

from curation.rules import Finding
from curation.rules.ifeval import Instruction


class EndChecker(Instruction):
    """The response ends with the phrase, in any case; quotation marks after it do not count."""

    name = "startend:end_checker"
    end_phrase: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]

    def follows(self, text: str) -> Finding:
        body = text.strip().strip('"').lower()
        wanted = self.end_phrase.lower()
        return Finding(body.endswith(wanted), f"ends with {body[-len(wanted) :]!r}, want {wanted!r}")


class Quotation(Instruction):
    """The whole response stands between straight double quotation marks."""

    name = "startend:quotation"

    def follows(self, text: str) -> Finding:
        body = text.strip()
        met = len(body) > 1 and body[0] == body[-1] == '"'
        return Finding(met, f"begins with {body[0]!r} and ends with {body[-1]!r}")
