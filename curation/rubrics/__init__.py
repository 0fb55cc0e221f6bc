"""Rubrics: what an answer to one prompt must meet. Written by a model, checked by rules, kept if a judge can use them.

Nothing here votes on answers: a judge does that, with the rubric in its prompt.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar, NamedTuple

from curation.asking import Question, TemplateAsker, Unreadable, json_object, json_structure, reply_object
from schemas.calls import Answered, Sampling, Structure
from schemas.prompts import Prompt
from schemas.registry import Registry
from schemas.responses import Response
from schemas.rubrics import KINDS

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
    keeps_order: ClassVar[bool] = True
    contrasts: ClassVar[bool]
    """Whether it is shown answers whose order is known: it then writes nothing about a prompt that has none."""
    scratch: ClassVar[tuple[str, ...]] = ()
    """Texts of a reply that come before its items, for the writer's own use."""

    sampling: Sampling = Sampling(temperature=0.0, max_tokens=768)
    weights: bool = False
    """Ask how much each item counts, from 1 to 3; else all count 1."""

    @abstractmethod
    def question_about(self, prompt: Prompt, best_first: Sequence[Response], seed: int) -> Question:
        """What to ask about a prompt whose answers are known in this order; none where it is shown none."""

    def structure(self, question: Question) -> Structure:  # noqa: ARG002
        item: dict[str, Any] = {"kind": {"enum": list(KINDS)}, "text": {"type": "string"}}
        if self.weights:
            item["weight"] = {"enum": list(WEIGHTS)}
        items = {"type": "array", "items": json_object(item), "minItems": LEAST_ITEMS, "maxItems": MOST_ITEMS}
        scratch = {key: {"type": "string"} for key in self.scratch}
        return json_structure({**scratch, "items": items})

    def read(self, answered: Answered) -> list[Proposed]:
        """The items of a reply: pure, so a better parser can read history. Raises Unreadable when one is malformed."""
        items = reply_object(answered).get("items")
        if not isinstance(items, list) or not items:
            raise Unreadable("no_items")
        return [self._proposed(item) for item in items]

    def _proposed(self, item: object) -> Proposed:
        if not isinstance(item, dict):
            raise Unreadable("wrong_item")
        kind, text, weight = item.get("kind"), item.get("text"), item.get("weight") if self.weights else 1
        if not isinstance(kind, str) or not isinstance(text, str) or weight not in WEIGHTS or weight is True:
            raise Unreadable("wrong_item")
        return Proposed(kind, " ".join(text.split()), float(weight))


RUBRIC_WRITERS = Registry("curation.rubrics", RubricWriter)
