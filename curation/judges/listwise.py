"""Scores and a ranking of any number of answers under one stated principle: RewardAnything (arXiv 2506.03637)."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

from pydantic import Field

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
    shuffled,
)
from curation.judges import RatingJudge
from schemas.calls import Answered, Sampling, Structure
from schemas.scores import Score


class Listwise(TemplateAsker, RatingJudge):
    """Applies the principle and nothing else. A reply whose ranking contradicts its scores gives no score."""

    name = "listwise"
    version = "2"
    scale = (1, 5)

    principle: str = "The answer that serves the person who asked best, without padding, is the best one."
    """What makes an answer good. It may go against common taste."""
    template: str = Field(default_factory=lambda: packaged(__name__))
    sampling: Sampling = Sampling(temperature=0.0, max_tokens=2048)
    aspect: str | None = None
    """A short name of the principle for the scores' `aspect`; the principle itself when absent."""

    def questions(self, group: Group, seed: int) -> Iterator[Question]:
        about = self.aspect or self.principle
        yield self.question(group, shuffled(group.responses, seed, self.name, about), about=about, seed=seed)

    def structure(self, question: Question) -> Structure:
        labels = list(question.subject.labels)
        number = {"type": "number", "minimum": self.scale[0], "maximum": self.scale[1]}
        names = {"type": "array", "items": {"enum": labels}, "minItems": len(labels), "maxItems": len(labels)}
        scores = json_object(dict.fromkeys(labels, number))
        return json_structure({"reasoning": {"type": "string"}, "scores": scores, "ranking": names})

    def verdicts(self, subject: Subject, answered: Answered) -> list[Score]:
        found = reply_object(answered)
        scores, reasons = self._scores(subject, found), found.get("reasoning")
        return [
            self.score(subject, answered, shown, scores[label], rationale=reasons)
            for label, shown in subject.labels.items()
        ]

    def _scores(self, subject: Subject, found: dict[str, Any]) -> dict[str, float]:
        """Scores by label."""
        scores, ranking, labels = found.get("scores"), found.get("ranking"), subject.labels
        if not isinstance(scores, dict) or scores.keys() != labels.keys():
            raise Unreadable("wrong_labels")
        if not all(self.in_scale(value) for value in scores.values()):
            raise Unreadable("out_of_range")
        if not isinstance(ranking, list) or sorted(map(str, ranking)) != sorted(labels):
            raise Unreadable("wrong_ranking")
        if any(scores[better] < scores[worse] for better, worse in pairwise(ranking)):
            raise Unreadable("ranking_contradicts_scores")
        return scores
