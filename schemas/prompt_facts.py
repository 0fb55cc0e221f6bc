"""Prompt facts: what became known about a prompt after it was stored.

A prompt keeps the facts that it came with; a fact that it lacked then is a row here, once. What contradicts a known
fact is none.
"""

from __future__ import annotations

import pyarrow as pa

from schemas.prompts import FACTS, PROMPTS
from schemas.table import Table, column

PROMPT_FACTS = Table(
    name="prompt_facts",
    key=("prompt_fact_id",),
    order=("prompt_id",),
    columns=pa.schema(
        [
            column("prompt_fact_id", pa.string(), required=True),  # digest of the prompt and its facts
            column("prompt_id", pa.string(), required=True),
            *(PROMPTS.columns.field(name) for name in FACTS),  # NULL where the row does not say
            column("source", pa.string(), required=True),  # who said so
            column("run_id", pa.string()),
        ]
    ),
)
