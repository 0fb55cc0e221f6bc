"""OpenRLHF's preference format, with the keys that its `--prompt_key`, `--chosen_key`, `--rejected_key` name."""

from __future__ import annotations

from typing import Any

from warehouse.comparisons import Row, answer, comparison, models_and_margin
from warehouse.exporters import RowExporter


class OpenRLHF(RowExporter):
    """OpenRLHF preferences as JSON lines; `margin` is there when every pair has one.

    `{"prompt": [{"role": "user", "content": "Hi"}], "chosen": [{"role": "assistant", "content": "Hello!"}], ...}`
    """

    name = "openrlhf"

    prompt_key: str | None = "prompt"
    """None puts the whole conversation into each side, which also carries sides under two prompts."""

    chosen_key: str = "chosen"
    rejected_key: str = "rejected"

    conversational: bool = True
    """Chat messages, for `--apply_chat_template`; if false plain texts, which carry prompts of one turn only."""

    def row(self, row: Row, *, with_margin: bool) -> dict[str, Any]:
        if self.prompt_key is None and self.conversational:
            chosen, rejected = (row["prompt"] + answer(row["chosen"]), row["rejected_prompt"] + answer(row["rejected"]))
            sides = {self.chosen_key: chosen, self.rejected_key: rejected}
            return sides | models_and_margin(row, with_margin=with_margin)
        found = comparison(row, with_margin=with_margin, conversational=self.conversational)
        sides = {self.chosen_key: found.pop("chosen"), self.rejected_key: found.pop("rejected")}
        return {self.prompt_key or "prompt": found.pop("prompt"), **sides, **found}
