"""TRL's unpaired preference format: KTOTrainer and others read it."""

from __future__ import annotations

from typing import Any, ClassVar

from warehouse.comparisons import LeftOut, Row, answer, one_text
from warehouse.exporters import RowExporter


class TrlUnpaired(RowExporter):
    """TRL completions with a label: true where a response was chosen, false where it was rejected.

    `{"prompt": [{"role": "user", ...}], "completion": [{"role": "assistant", ...}], "label": true, "model": "m"}`
    """

    name = "trl_unpaired"
    query: ClassVar[str] = "version_labels"
    unit: ClassVar[str] = "responses"

    conversational: bool = True
    """Chat messages, which carry every prompt; if false plain texts, which carry prompts of one turn only."""

    def row(self, row: Row, *, with_margin: bool) -> dict[str, Any]:  # noqa: ARG002
        if row["both"]:
            raise LeftOut("chosen_here_and_rejected_there")
        return {
            "prompt": row["prompt"] if self.conversational else one_text(row["prompt"]),
            "completion": answer(row["text"]) if self.conversational else row["text"],
            "label": row["label"],
            "model": row["model"],
        }
