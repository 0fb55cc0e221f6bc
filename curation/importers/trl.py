"""TRL's preference format, and the many data sets on the hub that follow it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar, Literal

from curation.comparisons import comparison_of, model_of, strength_of
from curation.importers import Importer, Row
from curation.records import Record

MODEL = "trl/unknown"
"""The format does not say which model wrote an answer; `chosen_model` and `rejected_model` do where present."""


class Trl(Importer):
    """TRL preferences: texts or messages, with a prompt or whole conversations; margin or scores become strength.

    `{"prompt": "Hi", "chosen": "Hello!", "rejected": "Go away."}` or without a prompt
    `{"chosen": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello!"}], "rejected": [...]}`
    """

    name = "trl"
    license: ClassVar[str] = "the user's"

    annotator: str = "trl/unknown"
    """Who compared."""

    annotator_kind: Literal["human", "ai", "rm", "unknown"] = "unknown"

    def translate(self, record: Record) -> Iterator[Row]:
        found = comparison_of(record, prompt="prompt", chosen="chosen", rejected="rejected")
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
            strength=strength_of(record),
            annotator=self.annotator,
            annotator_kind=self.annotator_kind,
        )
