"""TRL's preference format: DPOTrainer, RewardTrainer and others read it."""

from __future__ import annotations

from typing import Any

from warehouse.comparisons import Row, comparison
from warehouse.exporters import RowExporter


class Trl(RowExporter):
    """TRL preferences as JSON lines; `margin` is there when every pair has one.

    `{"prompt": [{"role": "user", "content": "Hi"}], "chosen": [{"role": "assistant", "content": "Hello!"}], ...}`
    """

    name = "trl"

    conversational: bool = True
    """Chat messages, which carry every prompt; if false plain texts, which carry prompts of one turn only."""

    def row(self, row: Row, *, with_margin: bool) -> dict[str, Any]:
        return comparison(row, with_margin=with_margin, conversational=self.conversational)
