"""TRL's prompt-only format: what online trainers read."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar, Literal

import pyarrow as pa

from schemas.prompts import FACTS, MESSAGES, PROMPTS
from warehouse.comparisons import Row, one_text
from warehouse.exporters import RowExporter
from warehouse.sheets import Csv, JsonLines, Parquet, Sheet


class Prompts(RowExporter):
    """The prompts of a version, each once, as JSON lines, CSV or Parquet.

    What is known about a prompt stands beside it: constraints as JSON texts, right and wrong answers, the kind of
    task. CSV has the texts of the prompts alone.

    `{"prompt": [{"role": "user", "content": "Name three rivers."}], "correct_answers": ["Po, Rhine, Elbe"]}`
    """

    name = "prompts"
    query: ClassVar[str] = "version_prompts"
    unit: ClassVar[str] = "prompts"

    conversational: bool = True
    """Chat messages, which carry every prompt; if false plain texts, which carry prompts of one turn only."""

    file: Literal["jsonl", "csv", "parquet"] = "jsonl"
    """Kind of file. `csv` has plain texts, whatever `conversational` says."""

    @property
    def _has_messages(self) -> bool:
        return self.conversational and self.file != "csv"

    def row(self, row: Row, *, with_margin: bool) -> dict[str, Any]:  # noqa: ARG002
        asked = {"prompt": row["prompt"] if self._has_messages else one_text(row["prompt"])}
        if self.file == "csv":
            return asked
        return asked | {name: row[name] for name in FACTS if row[name] is not None}

    def sheet(self, folder: Path, place: str) -> Sheet:
        path = folder / f"{place}.{self.file}"
        match self.file:
            case "jsonl":
                return JsonLines(path)
            case "csv":
                return Csv(path, ["prompt"])
            case "parquet":
                kind = MESSAGES if self._has_messages else pa.string()
                facts = [PROMPTS.columns.field(name) for name in FACTS]
                return Parquet(path, pa.schema([pa.field("prompt", kind), *facts]))
