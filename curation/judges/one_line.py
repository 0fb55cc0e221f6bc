"""A rubric in one line of JSON, with demonstrations: a frozen model as a judge (arXiv 2506.05748)."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

from pydantic import Field, field_validator

from curation.asking import (
    Group,
    Question,
    Subject,
    TemplateAsker,
    Unreadable,
    json_object,
    json_structure,
    packaged,
    reply_object,
)
from curation.judges import RatingJudge
from schemas.base import Strict
from schemas.calls import Answered, Structure
from schemas.ids import canonical, draw
from schemas.scores import Score


class Demonstration(Strict):
    """An example of a judgment. They should show good and bad answers, and some hard to tell apart."""

    prompt: str
    response: str
    scores: Mapping[str, int]
    reason: str


class OneLine(TemplateAsker, RatingJudge):
    """Scores each answer alone on the keys of a rubric that fits one line; the reason comes after the scores."""

    name = "one_line"
    version = "2"
    scale = (0, 10)

    rubric: Mapping[str, str] = {
        "helpfulness": "0 to 10, higher serves the person who asked better",
        "correctness": "0 to 10, higher has fewer errors",
    }
    """What each key of the reply means, and which way it counts."""
    demonstrations: tuple[Demonstration, ...] = ()
    """They are shown in an order drawn by hash: the order of this list changes no verdict."""
    template: str = Field(default_factory=lambda: packaged(__name__))

    @field_validator("rubric")
    @classmethod
    def _has_keys(cls, rubric: Mapping[str, str]) -> Mapping[str, str]:
        if not rubric or "reason" in rubric:
            raise ValueError("a rubric needs at least one key, and none of them is `reason`")
        return rubric

    @field_validator("demonstrations")
    @classmethod
    def _shuffled(cls, shown: tuple[Demonstration, ...]) -> tuple[Demonstration, ...]:
        return tuple(sorted(shown, key=lambda one: draw("demonstration", one.model_dump(mode="json"))))

    @property
    def rubric_line(self) -> str:
        """The rubric as the judge reads it."""
        return canonical(dict(self.rubric))

    def demonstrated(self, label: str) -> Iterator[tuple[str, str, str]]:
        """Prompt, response and right reply of every demonstration."""
        for shown in self.demonstrations:
            reply = {label: {key: shown.scores[key] for key in self.rubric}, "reason": shown.reason}
            yield shown.prompt, shown.response, json.dumps(reply, ensure_ascii=False)

    def questions(self, group: Group, seed: int) -> Iterator[Question]:
        return self.one_by_one(group, "rubric", seed)

    def structure(self, question: Question) -> Structure:
        (label,) = question.subject.labels
        number = {"type": "integer", "minimum": self.scale[0], "maximum": self.scale[1]}
        scores = json_object(dict.fromkeys(self.rubric, number))
        return json_structure({label: scores, "reason": {"type": "string"}})

    def verdicts(self, subject: Subject, answered: Answered) -> list[Score]:
        ((label, shown),) = subject.labels.items()
        found = reply_object(answered)
        scores, reason = found.get(label), found.get("reason")
        if not isinstance(scores, dict):
            raise Unreadable("wrong_labels")
        return [
            self.score(
                subject,
                answered,
                shown,
                scores.get(key),
                failure=self.fault(scores, key),
                aspect=key,
                rationale=reason,
            )
            for key in self.rubric
        ]

    def failed(self, subject: Subject, answered: Answered, failure: str) -> list[Score]:
        (shown,) = subject.shown
        return [self.score(subject, answered, shown, failure=failure, aspect=key) for key in self.rubric]
