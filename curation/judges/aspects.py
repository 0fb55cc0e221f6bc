"""UltraFeedback's aspect ratings (arXiv 2310.01377): all answers side by side, one aspect per request, 1 to 5."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pydantic import Field

from curation.judges import Group, Judge, Question, packaged, reply_object, shuffled
from schemas.calls import Call
from schemas.scores import Score

LOWEST, HIGHEST = 1, 5


class Aspects(Judge):
    """Rates every answer of a prompt from 1 to 5, aspect by aspect, in a random order for each aspect."""

    name = "aspects"

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
                shown = order[start : start + size]
                yield self.question(group, shown, about=aspect, schema=self._schema(aspect, len(shown)), seed=seed)

    def _schema(self, aspect: str, n_answers: int) -> dict[str, Any]:
        rating: dict[str, Any] = {"type": "integer", "minimum": LOWEST, "maximum": HIGHEST}
        if aspect in self.optional:
            rating = {"anyOf": [rating, {"type": "null"}]}
        labels = [chr(ord("A") + i) for i in range(n_answers)]
        ratings = {
            "type": "object",
            "properties": dict.fromkeys(labels, rating),
            "required": labels,
            "additionalProperties": False,
        }
        properties = {"rationale": {"type": "string"}} if self.rationale else {}
        return {
            "type": "object",
            "properties": {**properties, "ratings": ratings},
            "required": [*properties, "ratings"],
            "additionalProperties": False,
        }

    def read(self, question: Question, call: Call) -> list[Score]:
        found = reply_object(call)
        ratings = found if isinstance(found, str) else self._ratings(question, found)
        rationale = found.get("rationale") if isinstance(found, dict) else None
        return [
            Score(
                call_id=call.call_id,
                response_id=response_id,
                judge=self.name,
                judge_version=self.version,
                aspect=question.about,
                value=None if isinstance(ratings, str) else ratings[label],
                scale_lo=LOWEST,
                scale_hi=HIGHEST,
                rationale=rationale if isinstance(rationale, str) else None,
                failure=ratings if isinstance(ratings, str) else None,
                run_id=call.run_id,
            )
            for label, response_id in question.labels.items()
        ]

    def _ratings(self, question: Question, reply: dict[str, Any]) -> dict[str, float | None] | str:
        """Rating by label, or the name of the failure: one wrong label or rating fails the whole reply."""
        ratings = reply.get("ratings")
        if not isinstance(ratings, dict) or ratings.keys() != question.labels.keys():
            return "wrong_labels"
        for value in ratings.values():
            if value is None and question.about in self.optional:
                continue
            if isinstance(value, bool) or not isinstance(value, int) or not LOWEST <= value <= HIGHEST:
                return "out_of_range"
        return ratings
