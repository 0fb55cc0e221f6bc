"""Judges read answers and write scores or votes. A judge asks and reads; a runner calls the model."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from itertools import combinations
from typing import Any, ClassVar, TypeGuard

from pydantic import Field

from curation.asking import NO_REPLY, Asker, Group, Question, Subject, by_label, shuffled
from curation.asking import packaged as packaged_in
from schemas.calls import Answered
from schemas.ids import draw
from schemas.registry import Registry
from schemas.responses import Response
from schemas.scores import Score
from schemas.votes import Vote

packaged = partial(packaged_in, "curation.judges")
"""A template that lies beside the judges."""


class Judge(Asker):
    """Asks a model about answers, and reads its reply into rows: a verdict or a failure for each, never a guess."""

    kind: ClassVar[str] = "judge"

    tries: int = Field(default=3, ge=1)
    """How often a question is asked, each time another way, until its reply can be read."""
    samples: int = Field(default=1, ge=1)
    """Replies to every question; several need a temperature above 0, and are what voting@k counts."""

    @abstractmethod
    def questions(self, group: Group, seed: int) -> Iterator[Question]:
        """What to ask about a group."""

    @abstractmethod
    def read(self, subject: Subject, answered: Answered) -> Sequence[Score | Vote]:
        """Rows of one reply, one for each answer or pair shown: pure, so a better parser can read history."""

    def asked(self, group: Group, seed: int) -> Iterator[Question]:
        """Every question as often as it is to be answered."""
        for question in self.questions(group, seed):
            yield from (replace(question, sample=sample) for sample in range(self.samples))

    def again(self, question: Question, rows: Sequence[Score | Vote]) -> Question | None:
        """The question to ask once more because its reply could not be read; None when all is well or nothing helps."""
        failed = {row.failure for row in rows} - {None, *NO_REPLY}
        return question.again() if failed and question.subject.attempt + 1 < self.tries else None


class RatingJudge(Judge):
    """A judge that gives each answer a score."""

    scale: ClassVar[tuple[float, float]]
    """Least and greatest score."""

    def in_scale(self, value: object, *, whole: bool = False) -> TypeGuard[float]:
        """Whether a JSON value is a score, on request a whole one."""
        number = isinstance(value, int if whole else (int, float)) and not isinstance(value, bool)
        return number and self.scale[0] <= value <= self.scale[1]  # pyright: ignore[reportOperatorIssue]

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
            judge=self.name,
            judge_version=self.version,
            aspect=aspect or subject.about,
            value=None if failure else value,
            scale_lo=self.scale[0],
            scale_hi=self.scale[1],
            rationale=rationale if isinstance(rationale, str) else None,
            failure=failure,
            types=types,
            run_id=answered.run_id,
        )

    def ratings(
        self, subject: Subject, found: dict[str, Any] | str, *, optional: bool = False
    ) -> dict[str, tuple[float | None, str | None]]:
        """(rating, failure) by label, of a reply with `ratings` by label: a bad rating fails its answer alone.

        Where one label is unknown, none can be trusted. `optional`: null means that the question does not apply.
        """
        said = found if isinstance(found, str) else by_label(subject, found, "ratings")
        if isinstance(said, str):
            return dict.fromkeys(subject.labels, (None, said))
        return {label: self._rating(said, label, optional=optional) for label in subject.labels}

    def _rating(self, said: dict[str, Any], label: str, *, optional: bool) -> tuple[float | None, str | None]:
        if label not in said:
            return None, "missing"
        value = said[label]
        if value is None and optional:
            return None, None
        return (value, None) if self.in_scale(value, whole=True) else (None, "out_of_range")

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

    @property
    def annotator(self) -> str:
        """Whose its votes are."""
        return f"{self.name}:{self.model}"

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
