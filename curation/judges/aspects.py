"""UltraFeedback's aspect ratings (arXiv 2310.01377): all answers side by side, one aspect per request, 1 to 5."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

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
from schemas.prompts import Prompt
from schemas.scores import Score


class Aspects(TemplateAsker, RatingJudge):
    """Rates every answer of a prompt from 1 to 5, aspect by aspect, in a random order for each aspect.

    Where an aspect has types, the judge first names those that occur in each answer. Known answers to the prompt are
    shown for the aspects in `grounded` only.
    """

    name = "aspects"
    version = "4"
    scale = (1, 5)

    aspects: tuple[str, ...] = ("instruction_following", "honesty", "truthfulness", "helpfulness")
    template: str = Field(default_factory=lambda: packaged(__name__))
    optional: tuple[str, ...] = ("honesty",)
    """Aspects that may not apply to a prompt; the judge then answers null."""
    rationale: bool = True
    """Ask for reasons for every answer before its rating."""
    types: Mapping[str, tuple[str, ...]] = {
        "truthfulness": ("against_facts", "against_request", "against_itself"),
        "helpfulness": ("clear", "comprehensive", "unpadded"),
    }
    """By aspect: faults or merits that the judge names before it rates."""
    grounded: tuple[str, ...] = ("truthfulness",)
    """Aspects for which the judge sees the prompt's known answers, and what is said about its source."""
    source_notes: Mapping[str, str] = {}
    """By source: what a grounded aspect must know of every prompt of it, such as that its question is a trap."""
    answers_per_request: int | None = Field(default=None, ge=1)
    """Answers shown side by side; all of a prompt's when absent. A small judge reads one better than four."""

    def questions(self, group: Group, seed: int) -> Iterator[Question]:
        size = self.answers_per_request or len(group.responses)
        for aspect in self.aspects:
            order = shuffled(group.responses, seed, self.name, aspect)
            known = self._known(group.prompt, aspect)
            for start in range(0, len(order), size):
                yield self.question(group, order[start : start + size], about=aspect, seed=seed, **known)

    def _known(self, prompt: Prompt, aspect: str) -> dict[str, Any]:
        """What the judge is told about right and wrong answers; nothing where the aspect has no use for it."""
        told = {"right": prompt.correct_answers, "wrong": prompt.incorrect_answers}
        told |= {"note": self.source_notes.get(prompt.source)}
        return told if aspect in self.grounded else dict.fromkeys(told)

    def structure(self, question: Question) -> Structure:
        aspect, labels = question.subject.about, question.subject.labels
        rating: dict[str, Any] = {"type": "integer", "minimum": self.scale[0], "maximum": self.scale[1]}
        if aspect in self.optional:
            rating = {"anyOf": [rating, {"type": "null"}]}
        named = {"type": "array", "items": {"enum": list(self.types.get(aspect, ()))}}
        parts = {"types": named} if aspect in self.types else {}
        parts |= {"rationales": {"type": "string"}} if self.rationale else {}
        parts |= {"ratings": rating}
        return json_structure({name: json_object(dict.fromkeys(labels, part)) for name, part in parts.items()})

    def verdicts(self, subject: Subject, answered: Answered) -> list[Score]:
        found = reply_object(answered)
        ratings = by_label(subject, found, "ratings")
        named = by_label(subject, found, "types") if "types" in found else None
        reasons = found.get("rationales")
        scores: list[Score] = []
        for label, shown in subject.labels.items():
            types = self._types(subject.about, named.get(label)) if named is not None else None
            failure = self.fault(ratings, label, optional=subject.about in self.optional)
            scores.append(
                self.score(
                    subject,
                    answered,
                    shown,
                    ratings.get(label),
                    failure=failure or ("wrong_types" if named is not None and types is None else None),
                    rationale=reasons.get(label) if isinstance(reasons, dict) else None,
                    types=types,
                )
            )
        return scores

    def _types(self, aspect: str, named: object) -> tuple[str, ...] | None:
        """The types that the judge names for an answer; None when what it says is no list of known ones."""
        known = self.types.get(aspect, ())
        if not isinstance(named, list) or not all(one in known for one in named):
            return None
        return tuple(one for one in known if one in named)
