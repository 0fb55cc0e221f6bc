"""TRL's preference format, and the many data sets on the hub that follow it."""

from __future__ import annotations

from curation.importers import ComparisonImporter


class Trl(ComparisonImporter):
    """TRL preferences: texts or messages, with a prompt or whole conversations; margin or scores become strength.

    `{"prompt": "Hi", "chosen": "Hello!", "rejected": "Go away."}` or without a prompt
    `{"chosen": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello!"}], "rejected": [...]}`
    """

    name = "trl"
