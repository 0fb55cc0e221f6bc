"""OpenRLHF's preference format, whose keys its command line names."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar, Literal

from curation.comparisons import comparison_of, model_of, strength_of
from curation.importers import Importer, Row
from curation.records import Record

MODEL = "openrlhf/unknown"
"""The format does not say which model wrote an answer; `chosen_model` and `rejected_model` do where present."""


class OpenRLHF(Importer):
    """OpenRLHF preferences: texts or messages under configurable keys; without a prompt, whole conversations.

    `{"prompt": "Hi", "chosen": "Hello!", "rejected": "Go away.", "margin": 1.0}`
    """

    name = "openrlhf"
    license: ClassVar[str] = "the user's"

    prompt_key: str | None = "prompt"
    chosen_key: str = "chosen"
    rejected_key: str = "rejected"
    margin_key: str = "margin"

    annotator: str = "openrlhf/unknown"
    """Who compared."""

    annotator_kind: Literal["human", "ai", "rm", "unknown"] = "unknown"

    def translate(self, record: Record) -> Iterator[Row]:
        found = comparison_of(record, prompt=self.prompt_key, chosen=self.chosen_key, rejected=self.rejected_key)
        prompt = self.prompt(found.context)
        yield prompt
        sides = (
            self.response(prompt, model_of(record, "chosen_model", MODEL), found.chosen),
            self.response(prompt, model_of(record, "rejected_model", MODEL), found.rejected),
        )
        yield from sides
        yield self.vote(
            record,
            sides,
            winner=0,
            strength=strength_of(record, self.margin_key),
            annotator=self.annotator,
            annotator_kind=self.annotator_kind,
        )
