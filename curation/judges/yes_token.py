"""How likely the judge is to say yes to one question about an answer, from the log-probabilities of one token."""

from __future__ import annotations

from collections.abc import Iterator
from math import exp
from typing import ClassVar

from pydantic import Field

from curation.asking import Group, Question, Subject, TemplateAsker, Unreadable, packaged, reply_text
from curation.contracts.yes_no_logprobs import YesNoLogprobs
from curation.judges import RatingJudge
from schemas.calls import Answered, Sampling, Structure
from schemas.scores import Score


class YesToken(TemplateAsker, RatingJudge):
    """Scores each answer alone by p(yes) / (p(yes) + p(no)). Needs an engine that gives log-probabilities."""

    name = "yes_token"
    scale = (0, 1)
    top_logprobs: ClassVar[int] = 20

    question_asked: str = "Does the answer do what was asked, without an error?"
    """What yes means."""
    template: str = Field(default_factory=lambda: packaged(__name__))
    sampling: Sampling = Sampling(temperature=0.0, max_tokens=4)
    """Room for the word and the end of the reply; only the first token counts."""

    def questions(self, group: Group, seed: int) -> Iterator[Question]:
        return self.one_by_one(group, "yes", seed)

    def structure(self, question: Question) -> Structure:  # noqa: ARG002 - the same words for every answer
        return Structure(kind="choice", text='["Yes","No"]')

    def verdicts(self, subject: Subject, answered: Answered) -> list[Score]:
        (shown,) = subject.shown
        found = YesNoLogprobs().of_reply(reply_text(answered), answered.finish_reason, answered.logprobs)
        if found.failure:
            raise Unreadable(found.failure)
        return [self.score(subject, answered, shown, 1 / (1 + exp(-float(str(found.value)))))]
