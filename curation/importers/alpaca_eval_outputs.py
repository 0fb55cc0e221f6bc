"""AlpacaEval's model outputs: one model's answers to the instructions of the benchmark."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar
from urllib.parse import unquote

from curation.importers import Importer, Row
from curation.records import Record, text_of
from schemas.prompts import user

OUTPUTS = "model_outputs"
"""Files of this name lie in a folder that is called after the model."""


class AlpacaEvalOutputs(Importer):
    """AlpacaEval model outputs: a file for each model, `MODEL/model_outputs.json` or `MODEL.json`.

    A slash in the name of a model is `%2F` there.

    `{"instruction": "Hi", "output": "Hello!", "generator": "m"}`
    """

    name = "alpaca_eval_outputs"
    license: ClassVar[str] = "CC-BY-NC-4.0"
    answer_sheets: ClassVar[bool] = True

    def model_of(self, path: Path) -> str | None:
        stem = Path(path.name.removesuffix(".gz")).stem
        return unquote(path.resolve().parent.name if stem == OUTPUTS else stem)

    def translate(self, record: Record) -> Iterator[Row]:
        prompt = self.prompt(user(text_of(record, "instruction")))
        yield prompt
        yield self.response(prompt, text_of(record, "generator"), text_of(record, "output"))
