"""TRL's unpaired preference format: a completion and whether it is good."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from curation.comparisons import model_of
from curation.importers import Importer, Row
from curation.records import BadRow, Record, field_of, messages_of, text_of, turns_of

LABELS = {"true": True, "false": False}
"""How a CSV writes a label."""


class TrlUnpaired(Importer):
    """TRL completions with a label, which becomes a score of 0 or 1 in the aspect `label`.

    `{"prompt": "Hi", "completion": "Hello!", "label": true}`
    """

    name = "trl_unpaired"
    license: ClassVar[str] = "the user's"

    judge: str = "trl/unknown"
    """Who labelled."""

    def translate(self, record: Record) -> Iterator[Row]:
        prompt = self.prompt(turns_of(record, "prompt"))
        response = self.response(prompt, model_of(record, "model", "trl/unknown"), _completion(record))
        label = field_of(record, "label")
        label = LABELS.get(label.lower()) if isinstance(label, str) else label
        if not isinstance(label, bool):
            raise BadRow("wrong_type", f"label is {record['label']!r}, want true or false")
        yield prompt
        yield response
        yield self.score(record, response, "label", float(label), judge=self.judge, scale=(0.0, 1.0))


def _completion(record: Record) -> str:
    if isinstance(field_of(record, "completion"), str):
        return text_of(record, "completion")
    turns = messages_of(record, "completion")
    if len(turns) != 1 or turns[0]["role"] != "assistant":
        raise BadRow("no_single_answer", f"completion must be one assistant turn, not {len(turns)} turns")
    return turns[0]["content"]
