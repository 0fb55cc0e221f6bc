"""Yes or no to one principle, by the log-odds of one token: RLBFF's scalar reward (arXiv 2509.21319)."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import ClassVar, Self

from pydantic import Field, field_validator, model_validator

from curation.asking import Group, Question, Subject, TemplateAsker, Unreadable, packaged, reply_text
from curation.contracts.yes_no_logprobs import YesNoLogprobs
from curation.judges import RatingJudge
from schemas.calls import Answered, Sampling
from schemas.scores import Score

LIMIT = 20.0


class BinaryPrinciple(TemplateAsker, RatingJudge):
    """Scores each answer alone under each principle: r = log p(yes) - log p(no), between -20 and 20.

    How readily a model says yes differs by principle: r compares answers under one principle. Where a recipe pairs by
    several, the mean of r counts; name the one that should in the recipe's `aspects`. The engine must give logprobs;
    without them there is no score.
    """

    name = "binary_principle"
    scale = (-LIMIT, LIMIT)
    top_logprobs: ClassVar[int] = 20

    principles: tuple[str, ...] = Field(default=("instruction following", "factual accuracy"), min_length=1)
    """What is judged: the name of a quality, or a question that ends in a question mark. It is the scores' `aspect`."""
    yes: str = "Yes"
    """The word that grants the principle, one token long for the model."""
    no: str = "No"
    """The word that denies it."""
    template: str = Field(default_factory=lambda: packaged(__name__))
    sampling: Sampling = Sampling(temperature=0.0, max_tokens=1)
    tries: int = Field(default=1, ge=1)
    """How often a question is asked. What is likeliest seldom changes with another nonce."""

    @field_validator("principles")
    @classmethod
    def _are_named(cls, principles: tuple[str, ...]) -> tuple[str, ...]:
        if any(not one.strip() or one != " ".join(one.split()) for one in principles):
            raise ValueError("a principle is one line of text, without spaces around it")
        if len(set(principles)) < len(principles):
            raise ValueError("a principle is named twice")
        return principles

    @model_validator(mode="after")
    def _words_differ(self) -> Self:
        _ = self.contract
        return self

    @cached_property
    def contract(self) -> YesNoLogprobs:
        """The reader of a reply."""
        return YesNoLogprobs(yes=self.yes, no=self.no, limit=LIMIT)

    def questions(self, group: Group, seed: int) -> Iterator[Question]:
        for principle in self.principles:
            yield from self.one_by_one(group, principle, seed)

    def structure(self, question: Question) -> None:
        """None: one token, whatever it is; the words may lie among its alternatives."""

    def verdicts(self, subject: Subject, answered: Answered) -> list[Score]:
        (shown,) = subject.shown
        # A verdict of one token always ends at the longest reply: with logprobs, a truncated one is whole.
        text = answered.raw_text if answered.status == "truncated" and answered.logprobs else reply_text(answered)
        if not answered.logprobs:
            raise Unreadable("no_logprobs")
        found = self.contract.of_reply(text, answered.finish_reason, answered.logprobs)
        value = found.value if isinstance(found.value, float) else None
        return [self.score(subject, answered, shown, value, failure=found.failure)]
