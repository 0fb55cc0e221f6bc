"""OpenRLHF's preference format, whose keys its command line names."""

from __future__ import annotations

from curation.comparisons import Keys
from curation.importers import ComparisonImporter


class OpenRLHF(ComparisonImporter):
    """OpenRLHF preferences: texts or messages under configurable keys; without a prompt, whole conversations.

    `{"prompt": "Hi", "chosen": "Hello!", "rejected": "Go away.", "margin": 1.0}`
    """

    name = "openrlhf"

    prompt_key: str | None = "prompt"
    chosen_key: str = "chosen"
    rejected_key: str = "rejected"
    margin_key: str = "margin"

    @property
    def keys(self) -> Keys:
        return Keys(self.prompt_key, self.chosen_key, self.rejected_key, self.margin_key)
