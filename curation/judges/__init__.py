"""Judges read answers and write scores or votes. A judge asks and reads; a runner calls the model."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import combinations
from typing import ClassVar, Self, TypeGuard

from pydantic import Field, model_validator

from curation.asking import Asker, Group, Question, Subject, Unreadable, shuffled
from schemas.calls import Answered
from schemas.ids import draw
from schemas.registry import Registry
from schemas.responses import Response
from schemas.scores import Score
from schemas.votes import Vote


class Judge(Asker):
    """Asks a model about answers, and reads its reply into rows: a verdict or a failure for each, never a guess."""

    kind: ClassVar[str] = "judge"
    by_rubric: ClassVar[bool] = False
    """Whether it judges by the rubric of a prompt, and asks nothing about a prompt without one."""

    samples: int = Field(default=1, ge=1)
    """Replies to every question; several need a temperature above 0, and are what voting@k counts."""

    called: str | None = Field(default=None, pattern=r"^[\w.-]+$")
    """Tells it from other judges of its name and model: its verdicts are those of NAME/CALLED:MODEL."""

    @model_validator(mode="after")
    def _samples_can_differ(self) -> Self:
        if self.samples > 1 and self.sampling.temperature == 0:
            raise ValueError(f"{self.samples} samples at temperature 0 are one reply; set sampling.temperature to 0.7")
        return self

    def may_judge(self, group: Group) -> bool:
        """Whether it has anything to ask about a prompt, whatever the answers."""
        return group.rubric is not None or not self.by_rubric

    @property
    def title(self) -> str:
        """`aspects`, or `aspects/CALLED`: what `scores.judge` says."""
        return f"{self.name}/{self.called}" if self.called else self.name

    @property
    def annotator(self) -> str:
        """Whose its verdicts are: `aspects:MODEL`."""
        return f"{self.title}:{self.model}"

    @abstractmethod
    def questions(self, group: Group, seed: int) -> Iterator[Question]:
        """What to ask about a group."""

    @abstractmethod
    def verdicts(self, subject: Subject, answered: Answered) -> Sequence[Score | Vote]:
        """Rows of a reply that can be read. Raises Unreadable when it says nothing about anything shown."""

    @abstractmethod
    def failed(self, subject: Subject, answered: Answered, failure: str) -> Sequence[Score | Vote]:
        """Rows of a reply that cannot: as many as of one that can, each with the failure."""

    def read(self, subject: Subject, answered: Answered) -> Sequence[Score | Vote]:
        """Rows of one reply, a verdict or a failure each: pure, so a better parser can read history."""
        try:
            return self.verdicts(subject, answered)
        except Unreadable as fault:
            return self.failed(subject, answered, fault.failure)

    def asked(self, group: Group, seed: int) -> Iterator[Question]:
        """Every question as often as it is to be answered."""
        for question in self.questions(group, seed):
            yield from (replace(question, sample=sample) for sample in range(self.samples))

    def question_on(self, subject: Subject, group: Group) -> Question | None:
        """The question about a subject as it would be asked today, or None where none would be.

        group: the responses that the subject shows, in the order of ids.
        """
        shown = {response.response_id: response for response in group.responses}
        for question in self.questions(group, 0):
            if question.subject.about == subject.about and {*question.subject.shown} == {*subject.shown}:
                return replace(question, subject=subject, shown=tuple(shown[one] for one in subject.shown))
        return None


class RatingJudge(Judge):
    """A judge that gives each answer a score."""

    scale: ClassVar[tuple[float, float]]
    """Least and greatest score."""

    @property
    def bounds(self) -> tuple[float, float]:
        """Least and greatest score, where settings may change them."""
        return self.scale

    def in_scale(self, value: object, *, whole: bool = False) -> TypeGuard[float]:
        """Whether a JSON value is a score, on request a whole one."""
        number = isinstance(value, int if whole else (int, float)) and not isinstance(value, bool)
        return number and self.bounds[0] <= value <= self.bounds[1]  # pyright: ignore[reportOperatorIssue]

    def score(
        self,
        subject: Subject,
        answered: Answered,
        response_id: str,
        value: float | None = None,
        *,
        failure: str | None = None,
        aspect: str | None = None,
        rationale: object = None,
        types: tuple[str, ...] | None = None,
    ) -> Score:
        """A row; without an `aspect` it is what the question is about, and what is no text is no rationale."""
        return Score(
            call_id=answered.call_id,
            response_id=response_id,
            judge=self.title,
            judge_version=self.version,
            aspect=aspect or subject.about,
            value=None if failure else value,
            scale_lo=self.bounds[0],
            scale_hi=self.bounds[1],
            rationale=rationale if isinstance(rationale, str) else None,
            failure=failure,
            types=types,
            run_id=answered.run_id,
        )

    def failed(self, subject: Subject, answered: Answered, failure: str) -> list[Score]:
        return [self.score(subject, answered, shown, failure=failure) for shown in subject.shown]

    def fault(self, said: Mapping[str, object], key: str, *, optional: bool = False) -> str | None:
        """What is wrong with the whole number that a reply gives for a key: it fails alone.

        `optional`: null says that the question does not apply.
        """
        if key not in said:
            return "missing"
        fits = self.in_scale(said[key], whole=True) or (optional and said[key] is None)
        return None if fits else "out_of_range"

    def one_by_one(self, group: Group, about: str, seed: int) -> Iterator[Question]:
        """A question about each answer alone."""
        return (self.question(group, [response], about=about, seed=seed) for response in group.responses)


class ComparingJudge(Judge):
    """A judge that says which of two answers is better, asked in both orders.

    A verdict that changes with the order is a fact about the judge.
    """

    comparisons_per_prompt: int | None = Field(default=None, ge=1)
    """How many pairs of a prompt's answers are compared, drawn by hash; all when absent."""
    both_orders: bool = True
    """Ask in both orders; else in one that is drawn by hash."""

    def questions(self, group: Group, seed: int) -> Iterator[Question]:
        for pair in self.compared(group, seed):
            shown = shuffled(pair, seed, self.name)
            for order in (shown, shown[::-1])[: 1 + self.both_orders]:
                yield self.compare(group, order, seed)

    def compare(self, group: Group, shown: Sequence[Response], seed: int) -> Question:
        """The question that shows two answers in this order."""
        return self.question(group, shown, about="overall", seed=seed)

    def compared(self, group: Group, seed: int) -> list[tuple[Response, Response]]:
        """The pairs of answers that are compared."""
        pairs = combinations(group.responses, 2)
        drawn = sorted(pairs, key=lambda pair: draw("compare", seed, pair[0].response_id, pair[1].response_id))
        return drawn[: self.comparisons_per_prompt]

    def failed(self, subject: Subject, answered: Answered, failure: str) -> Sequence[Score | Vote]:
        return [self.vote(subject, answered, failure=failure)]

    def vote(
        self,
        subject: Subject,
        answered: Answered,
        verdict: object = None,
        *,
        failure: str | None = None,
        strength: float | None = None,
        justification: object = None,
    ) -> Vote:
        """A row. `verdict` is a label of the subject or its tie; anything else is a failure of the reply."""
        known = isinstance(verdict, str) and verdict in (*subject.labels, subject.tie)
        if failure is None and not known:
            failure = "unknown_verdict"
        return Vote.of(
            prompt_id=subject.prompt_id,
            shown_first=subject.shown[0],
            shown_second=subject.shown[1],
            winner=None if failure else subject.labels.get(str(verdict)),
            record=answered.call_id,
            failure=failure,
            strength=None if failure else strength,
            annotator=self.annotator,
            annotator_kind="ai",
            annotator_version=self.version,
            justification=justification if isinstance(justification, str) else None,
            call_id=answered.call_id,
            source="judge",
            run_id=answered.run_id,
        )


JUDGES = Registry("curation.judges", Judge)
