"""Rubrics: what an answer to one prompt must meet. Written by a model, checked by rules, kept if a judge can use them.

Nothing here votes on answers: a judge does that, with the rubric in its prompt.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any, ClassVar, NamedTuple

from pydantic import Field

from curation.asking import NO_REPLY, Question, TemplateAsker, json_object, json_structure, reply_object
from curation.asking import packaged as packaged_in
from schemas.calls import Answered, Sampling, Structure
from schemas.prompts import Prompt
from schemas.registry import Registry
from schemas.responses import Response
from schemas.rubrics import KINDS

packaged = partial(packaged_in, "curation.rubrics")
"""A template that lies beside the writers."""

LEAST_ITEMS, MOST_ITEMS = 2, 10
"""Items of a rubric."""
WEIGHTS = (1, 2, 3)
"""How much an item counts: as any other, more, decisively."""


class Proposed(NamedTuple):
    """An item as a writer proposes it. Nothing about it has been checked, not even its kind."""

    kind: str
    text: str
    weight: float = 1.0


class RubricWriter(TemplateAsker):
    """Asks a model for the criteria of one prompt, and reads them from a JSON reply."""

    kind: ClassVar[str] = "write"

    sampling: Sampling = Sampling(temperature=0.0, max_tokens=768)
    tries: int = Field(default=3, ge=1)
    """How often a writer is asked, each time with another nonce, until its reply can be read."""
    weights: bool = False
    """Ask how much each item counts, from 1 to 3; else all count 1."""

    @abstractmethod
    def question_about(self, prompt: Prompt, best_first: Sequence[Response], seed: int) -> Question:
        """What to ask about a prompt whose answers are known in this order."""

    def structure(self, question: Question) -> Structure:  # noqa: ARG002
        item: dict[str, Any] = {"kind": {"enum": list(KINDS)}, "text": {"type": "string"}}
        if self.weights:
            item["weight"] = {"enum": list(WEIGHTS)}
        items = {"type": "array", "items": json_object(item), "minItems": LEAST_ITEMS, "maxItems": MOST_ITEMS}
        return json_structure({"differences": {"type": "string"}, "items": items})

    def read(self, answered: Answered) -> list[Proposed] | str:
        """The items of a reply, or the name of what is wrong with it: pure, so a better parser can read history."""
        found = reply_object(answered)
        if isinstance(found, str):
            return found
        items = found.get("items")
        if not isinstance(items, list) or not items:
            return "no_items"
        proposed = [self._proposed(item) for item in items]
        return "wrong_item" if None in proposed else [one for one in proposed if one]

    def _proposed(self, item: object) -> Proposed | None:
        if not isinstance(item, dict):
            return None
        kind, text, weight = item.get("kind"), item.get("text"), item.get("weight") if self.weights else 1
        if not isinstance(kind, str) or not isinstance(text, str) or weight not in WEIGHTS or weight is True:
            return None
        return Proposed(kind, " ".join(text.split()), float(weight))

    def again(self, question: Question, read: Sequence[Proposed] | str) -> Question | None:
        """The question to ask once more because its reply could not be read. The order of the answers stays."""
        old = question.subject
        if not isinstance(read, str) or read in NO_REPLY or old.attempt + 1 >= self.tries:
            return None
        subject = self.subject(
            question.prompt, question.shown, about=old.about, seed=question.seed, attempt=old.attempt + 1
        )
        return replace(question, subject=subject)


RUBRIC_WRITERS = Registry("curation.rubrics", RubricWriter)
