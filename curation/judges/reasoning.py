"""A judge that reasons by the kind of task before it decides: RM-R1's chain of rubrics (arXiv 2505.02387)."""

from __future__ import annotations

from pydantic import Field

from curation.asking import NO_REPLY, Question, Subject, TemplateAsker
from curation.contracts.tail_verdict import TailVerdict
from curation.judges import ComparingJudge, packaged
from schemas.calls import Answered, Sampling, Structure
from schemas.votes import Vote


class Reasoning(TemplateAsker, ComparingJudge):
    """Solves a reasoning task itself before it compares; for other requests it first writes a weighted rubric.

    The verdict is read from the last 80 characters, which must hold exactly one: `[[label]]`. There is no tie. The
    whole reply is the vote's justification.
    """

    name = "reasoning"

    template: str = Field(default_factory=lambda: packaged("reasoning.jinja"))
    sampling: Sampling = Sampling(temperature=0.6, max_tokens=8192)

    def structure(self, question: Question) -> Structure | None:  # noqa: ARG002 - reasons are free text
        return None

    def read(self, subject: Subject, answered: Answered) -> list[Vote]:
        if answered.status in NO_REPLY:
            return [self.vote(subject, answered, failure=answered.status)]
        found = TailVerdict(labels=tuple(subject.labels)).of_reply(answered.raw_text, answered.finish_reason)
        text = answered.raw_text
        return [self.vote(subject, answered, found.value, failure=found.failure, justification=text)]
