"""How likely the judge is to name either answer, from the log-probabilities of one label, asked in both orders."""

from __future__ import annotations

import json
from typing import ClassVar

from pydantic import Field

from curation.asking import Question, Subject, TemplateAsker, Unreadable, packaged, reply_text
from curation.contracts.label_logprobs import LabelLogprobs
from curation.judges import ComparingJudge
from schemas.calls import Answered, Sampling, Structure
from schemas.votes import Vote


class PairwiseLogprobs(TemplateAsker, ComparingJudge):
    """Compares two answers by one label; the vote's strength is |log p(first) - log p(second)|.

    The mean of both orders' probabilities is free of a preference for a place (RLHF Workflow, arXiv 2405.07863); the
    pair builder `order_averaged` takes it. Needs an engine that gives log-probabilities.
    """

    name = "pairwise_logprobs"
    top_logprobs: ClassVar[int] = 20

    template: str = Field(default_factory=lambda: packaged(__name__))
    sampling: Sampling = Sampling(temperature=0.0, max_tokens=16)

    def structure(self, question: Question) -> Structure:
        return Structure(kind="choice", text=json.dumps(list(question.subject.labels)))

    def verdicts(self, subject: Subject, answered: Answered) -> list[Vote]:
        first, second = subject.labels
        text = reply_text(answered)
        found = LabelLogprobs(labels=(first, second)).of_reply(text, answered.finish_reason, answered.logprobs)
        if found.failure or text.strip() not in subject.labels:
            raise Unreadable(found.failure or "unknown_verdict")
        odds = float(str(found.value))
        verdict = first if odds > 0 else second if odds < 0 else subject.tie
        return [self.vote(subject, answered, verdict, strength=abs(odds))]
