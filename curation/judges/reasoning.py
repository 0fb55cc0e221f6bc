"""A judge that reasons by the kind of task before it decides: RM-R1's chain of rubrics (arXiv 2505.02387)."""

from __future__ import annotations

from pydantic import Field

from curation.asking import Question, Subject, TemplateAsker, packaged, reply_text
from curation.contracts.tail_verdict import TailVerdict
from curation.judges import ComparingJudge
from schemas.calls import Answered, Sampling, Structure
from schemas.votes import Vote


class Reasoning(TemplateAsker, ComparingJudge):
    """Solves a reasoning task itself before it compares; for other requests it first writes a weighted rubric.

    The verdict is read from the last 80 characters, which must hold exactly one: `[[label]]`. There is no tie. The
    whole reply is the vote's justification.
    """

    name = "reasoning"

    template: str = Field(default_factory=lambda: packaged(__name__))
    sampling: Sampling = Sampling(temperature=0.6, max_tokens=8192)

    def structure(self, question: Question) -> Structure | None:  # noqa: ARG002 - reasons are free text
        return None

    def verdicts(self, subject: Subject, answered: Answered) -> list[Vote]:
        text = reply_text(answered)
        found = TailVerdict(labels=tuple(subject.labels)).of_reply(text, answered.finish_reason)
        return [self.vote(subject, answered, found.value, failure=found.failure, justification=text)]
