"""Which of two answers is better, asked in both orders."""

from __future__ import annotations

from pydantic import Field

from curation.asking import Question, Subject, TemplateAsker, json_structure, packaged, reply_object
from curation.judges import ComparingJudge
from schemas.calls import Answered, Structure
from schemas.votes import Vote

STEPS = 3
"""Slightly better, better, much better: the strengths of HelpSteer2-Preference (arXiv 2410.01257)."""


class Pairwise(TemplateAsker, ComparingJudge):
    """Compares two answers, once in each order, on request with a strength of 1 to 3 and a justification."""

    name = "pairwise"
    version = "3"

    template: str = Field(default_factory=lambda: packaged(__name__))
    rationale: bool = True
    """Ask for reasons before the verdict; they are kept as the vote's justification."""
    strength: bool = False
    """Ask how much better: 1 slightly, 2 clearly, 3 much."""

    def structure(self, question: Question) -> Structure:
        reasons = {"rationale": {"type": "string"}} if self.rationale else {}
        verdict = {"verdict": {"enum": [*question.subject.labels, question.subject.tie]}}
        steps = {"strength": {"type": "integer", "minimum": 0, "maximum": STEPS}} if self.strength else {}
        return json_structure({**reasons, **verdict, **steps})

    def verdicts(self, subject: Subject, answered: Answered) -> list[Vote]:
        found = reply_object(answered)
        verdict, reasons = found.get("verdict"), found.get("rationale")
        if not self.strength:
            return [self.vote(subject, answered, verdict, justification=reasons)]
        steps = found.get("strength")
        least = 0 if verdict == subject.tie else 1
        if isinstance(steps, bool) or not isinstance(steps, int) or not least <= steps <= STEPS * least:
            return [self.vote(subject, answered, failure="strength_out_of_range", justification=reasons)]
        return [self.vote(subject, answered, verdict, strength=float(steps), justification=reasons)]
