"""TRL's prompt-only format: what online trainers read."""

from __future__ import annotations

from typing import Any, ClassVar

from warehouse.comparisons import Row, one_text
from warehouse.exporters import RowExporter


class Prompts(RowExporter):
    """The prompts of a version, each once, as JSON lines.

    `{"prompt": [{"role": "user", "content": "Name three rivers."}]}`
    """

    name = "prompts"
    query: ClassVar[str] = "version_prompts"
    unit: ClassVar[str] = "prompts"

    conversational: bool = True
    """Chat messages, which carry every prompt; if false plain texts, which carry prompts of one turn only."""

    def row(self, row: Row, *, with_margin: bool) -> dict[str, Any]:  # noqa: ARG002
        return {"prompt": row["prompt"] if self.conversational else one_text(row["prompt"])}
