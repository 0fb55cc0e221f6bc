"""IFEval's prompts, each with the instructions that an answer must follow (arXiv 2311.07911)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from curation.facts import constraint
from curation.importers import Importer, Row
from curation.records import BadRow, Record, list_of, text_of
from schemas.prompts import user


class IFEval(Importer):
    """Instructions become the prompt's constraints, which the rule `ifeval` checks.

    `{"key": 1001, "prompt": "Why does it rain? Use no commas.", "instruction_id_list": ["punctuation:no_comma"],
    "kwargs": [{}]}`
    """

    name = "ifeval"
    license: ClassVar[str] = "Apache-2.0"
    id_column: ClassVar[str | None] = "key"

    def translate(self, record: Record) -> Iterator[Row]:
        asked = user(text_of(record, "prompt"))
        names, settings = list_of(record, "instruction_id_list"), list_of(record, "kwargs")
        if not all(isinstance(name, str) for name in names):
            raise BadRow("wrong_type", "instruction_id_list wants texts")
        if len(names) != len(settings) or not all(isinstance(one, dict) for one in settings):
            raise BadRow("wrong_type", "kwargs wants an object for each instruction")
        yield self.prompt(asked, constraints=tuple(map(constraint, names, settings)) or None)
