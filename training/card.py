"""The model card: what a reader of a trained model's folder wants to know, in Markdown."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from training.checkpoint import TrainingRecord

LOADERS = {"reward": "AutoModelForSequenceClassification", "policy": "AutoModelForCausalLM"}


def card(record: TrainingRecord, picture: str = "") -> str:
    """The card of a model. `picture` is the file beside it that shows the learning curves."""
    objective = str(record.objective["name"])
    kind = {"reward": "Reward model", "policy": "Policy"}[record.kind]
    parts = [
        f"---\nlibrary_name: transformers\ntags:\n- prefinery\n- {record.kind}\n- {objective}\n---",
        f"# {kind} of {record.data}",
        f"`{record.base}`, trained with the objective `{objective}` on the dataset version `{record.data}`.",
        "## Data\n\n" + _table({"version": record.data, "fingerprint": record.fingerprint}),
        "## Figures\n\n`train_` figures are of the step whose weights these are, `test_` figures of the held-out "
        "split, with intervals over prompts where they have `_low` and `_high`.\n\n" + _table(record.metrics),
        f"![Learning curves]({picture})" if picture else "",
        f"## How it was made\n\n{_table({'base': record.base, 'base revision': record.base_revision})}\n\n"
        f"{_json({'objective': dict(record.objective), **record.settings})}",
        f"### Recipe of the data\n\n{_json(json.loads(record.recipe))}" if record.recipe else "",
        f'## Use\n\n```python\nfrom transformers import {LOADERS[record.kind]}\n\n'
        f'model = {LOADERS[record.kind]}.from_pretrained("FOLDER")\n```',
    ]  # fmt: skip
    return "\n\n".join(part for part in parts if part) + "\n"


def _table(values: Mapping[str, Any]) -> str:
    rows = [f"| {name} | {_shown(value)} |" for name, value in sorted(values.items())]
    return "\n".join(["| | |", "|---|---|", *rows])


def _shown(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, int | float) else f"`{value}`"


def _json(values: Mapping[str, Any]) -> str:
    return f"```json\n{json.dumps(values, indent=2, sort_keys=True)}\n```"
