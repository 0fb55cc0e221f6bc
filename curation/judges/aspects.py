"""UltraFeedback's aspect ratings (arXiv 2310.01377): all answers side by side, one aspect per request, 1 to 5."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from pydantic import Field

from curation.judges import Group, Judge, Question, Subject, packaged, reply_object, shuffled
from schemas.calls import Answered
from schemas.scores import Score

LOWEST, HIGHEST = 1, 5


class Aspects(Judge):
    """Rates every answer of a prompt from 1 to 5, aspect by aspect, in a random order for each aspect."""

    name = "aspects"
    version = "2"

    aspects: tuple[str, ...] = ("instruction_following", "honesty", "truthfulness", "helpfulness")
    template: str = Field(default_factory=lambda: packaged("aspects.jinja"))
    optional: tuple[str, ...] = ("honesty",)
    """Aspects that may not apply to a prompt; the judge then answers null."""
    rationale: bool = True
    """Ask for reasons before the ratings."""
    answers_per_request: int | None = Field(default=None, ge=1)
    """Answers shown side by side; all of a prompt's when absent. A small judge reads one better than four."""

    def questions(self, group: Group, seed: int) -> Iterator[Question]:
        size = self.answers_per_request or len(group.responses)
        for aspect in self.aspects:
            order = shuffled(group.responses, seed, self.name, aspect)
            for start in range(0, len(order), size):
                yield self.question(group, order[start : start + size], about=aspect, seed=seed)

    def reply_schema(self, about: str, labels: Sequence[str], tie: str) -> dict[str, Any]:  # noqa: ARG002 - no ties here
        rating: dict[str, Any] = {"type": "integer", "minimum": LOWEST, "maximum": HIGHEST}
        if about in self.optional:
            rating = {"anyOf": [rating, {"type": "null"}]}
        ratings = {
            "type": "object",
            "properties": dict.fromkeys(labels, rating),
            "required": list(labels),
            "additionalProperties": False,
        }
        properties = {"rationale": {"type": "string"}} if self.rationale else {}
        return {
            "type": "object",
            "properties": {**properties, "ratings": ratings},
            "required": [*properties, "ratings"],
            "additionalProperties": False,
        }

    def read(self, subject: Subject, answered: Answered) -> list[Score]:
        found = reply_object(answered)
        rationale = found.get("rationale") if isinstance(found, dict) else None
        ratings = found if isinstance(found, str) else _ratings(subject, found)
        return [
            self._score(
                subject,
                answered,
                response_id,
                *((None, ratings) if isinstance(ratings, str) else self._rating(subject, ratings, label)),
                rationale=rationale if isinstance(rationale, str) else None,
            )
            for label, response_id in subject.labels.items()
        ]

    def _score(
        self,
        subject: Subject,
        answered: Answered,
        response_id: str,
        value: float | None,
        failure: str | None,
        *,
        rationale: str | None,
    ) -> Score:
        return Score(
            call_id=answered.call_id,
            response_id=response_id,
            judge=self.name,
            judge_version=self.version,
            aspect=subject.about,
            value=value,
            scale_lo=LOWEST,
            scale_hi=HIGHEST,
            rationale=rationale,
            failure=failure,
            run_id=answered.run_id,
        )

    def _rating(self, subject: Subject, ratings: dict[str, Any], label: str) -> tuple[float | None, str | None]:
        """Rating or failure of one answer: a bad rating fails its answer alone."""
        if label not in ratings:
            return None, "missing"
        value = ratings[label]
        if value is None and subject.about in self.optional:
            return None, None
        if isinstance(value, bool) or not isinstance(value, int) or not LOWEST <= value <= HIGHEST:
            return None, "out_of_range"
        return value, None


def _ratings(subject: Subject, reply: dict[str, Any]) -> dict[str, Any] | str:
    """Ratings by label, or the failure of all: where one label is unknown, no label can be trusted."""
    ratings = reply.get("ratings")
    if not isinstance(ratings, dict) or not ratings.keys() <= subject.labels.keys():
        return "wrong_labels"
    return ratings
