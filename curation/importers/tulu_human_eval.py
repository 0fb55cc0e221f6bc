"""Tulu's human evaluation: answers of four models, and votes with five strengths by 16 annotators."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from curation.importers import Importer, Row
from curation.records import BadRow, Record, objects_of, text_of
from schemas.prompts import Prompt, user
from schemas.responses import Response

PREFERENCES: dict[str, tuple[int | None, float]] = {
    "a-is-better": (0, 2.0),
    "a-is-slightly-better": (0, 1.0),
    "tie": (None, 0.0),
    "b-is-slightly-better": (1, 1.0),
    "b-is-better": (1, 2.0),
}
"""Which side wins (0 is model_a, None neither), and by how many steps."""


class TuluHumanEval(Importer):
    """Answers from the .jsonl file, votes from the .xlsx file of the same folder.

    `{"id": "task_2", "prompt": "Correct this text.", "completions": [{"model": "tulu_65B", "completion": "..."}]}` and
    sheet rows with prompt, model_a, model_b, completion_a, completion_b, preference, evaluator.
    """

    name = "tulu_human_eval"
    license: ClassVar[str] = "Apache-2.0"
    suffixes: ClassVar[tuple[str, ...]] = (".jsonl", ".xlsx")

    def translate(self, record: Record) -> Iterator[Row]:
        prompt = self.prompt(user(text_of(record, "prompt")))
        yield prompt
        if "completions" in record:
            for side in objects_of(record, "completions"):
                yield self._response(prompt, text_of(side, "model"), text_of(side, "completion"))
        else:
            yield from self._vote(prompt, record)

    def _response(self, prompt: Prompt, model: str, text: str) -> Response:
        if not text.strip():
            raise BadRow("empty_response", model)
        return self.response(prompt, model, text)

    def _vote(self, prompt: Prompt, record: Record) -> Iterator[Row]:
        preference = text_of(record, "preference")
        if preference not in PREFERENCES:
            raise BadRow("unknown_preference", preference)
        side, strength = PREFERENCES[preference]
        sides = self._side(prompt, record, "a"), self._side(prompt, record, "b")
        yield from sides
        evaluator = f"tulu/{text_of(record, 'evaluator')}"
        yield self.vote(record, sides, side, first=0, strength=strength, annotator=evaluator, annotator_kind="human")

    def _side(self, prompt: Prompt, record: Record, label: str) -> Response:
        return self._response(prompt, text_of(record, f"model_{label}"), text_of(record, f"completion_{label}"))
