"""Ratings by the items of a prompt's rubric: every answer from 1 to 5 on each criterion, one criterion per request."""

from __future__ import annotations

from collections.abc import Iterator

from pydantic import Field

from curation.asking import (
    Group,
    Question,
    Subject,
    TemplateAsker,
    by_label,
    json_object,
    json_structure,
    packaged,
    reply_object,
    shuffled,
)
from curation.judges import RatingJudge
from schemas.calls import Answered, Structure
from schemas.scores import Score


class Criteria(TemplateAsker, RatingJudge):
    """Rates answers side by side on one item of the rubric at a time; a prompt without a rubric is not judged.

    The score's aspect is the item's text, whatever rubric it stands in: an item that an edit leaves as it was is the
    same question about the same answers, and is not asked again.
    """

    name = "criteria"
    version = "2"
    scale = (1, 5)
    by_rubric = True

    template: str = Field(default_factory=lambda: packaged(__name__))
    rationale: bool = True
    """Ask for a sentence on the answers before the ratings."""
    answers_per_request: int | None = Field(default=None, ge=1)
    """Answers shown side by side; all of a prompt's when absent."""

    def questions(self, group: Group, seed: int) -> Iterator[Question]:
        size = self.answers_per_request or len(group.responses)
        criteria = [item.text for item in group.rubric.items] if group.rubric else []
        for criterion in dict.fromkeys(criteria):
            order = shuffled(group.responses, seed, self.name, criterion)
            for start in range(0, len(order), size):
                shown = order[start : start + size]
                yield self.question(group, shown, about=criterion, seed=seed, criterion=criterion)

    def structure(self, question: Question) -> Structure:
        rating = {"type": "integer", "minimum": self.scale[0], "maximum": self.scale[1]}
        reasons = {"rationale": {"type": "string"}} if self.rationale else {}
        return json_structure({**reasons, "ratings": json_object(dict.fromkeys(question.subject.labels, rating))})

    def verdicts(self, subject: Subject, answered: Answered) -> list[Score]:
        found = reply_object(answered)
        ratings, reasons = by_label(subject, found, "ratings"), found.get("rationale")
        return [
            self.score(
                subject, answered, shown, ratings.get(label), failure=self.fault(ratings, label), rationale=reasons
            )
            for label, shown in subject.labels.items()
        ]
