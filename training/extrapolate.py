"""ExPO, arXiv:2404.16792: go on in the direction in which training moved the weights, without training."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import torch

from schemas.errors import ModelError
from training.checkpoint import (
    RECORD,
    TrainingRecord,
    is_classifier,
    load_policy,
    load_reward,
    read_record,
    resolve,
    revision_of,
    save,
)


@torch.no_grad()
def extrapolate(start: Path | str, end: Path | str, out: Path | str, factor: float) -> Path:
    """Save `start + factor * (end - start)` to `out`: 1 is the end, 1.5 half as far again beyond it.

    `end` is what training made of `start`: both are policies or both reward models, of one shape.
    """
    if is_classifier(start) != is_classifier(end):
        raise ModelError(f"{start} and {end}: only one is a reward model; name two checkpoints of one kind.")
    load = load_reward if is_classifier(end) else load_policy
    first, last = load(start), load(end)
    began, ended = dict(first.model.named_parameters()), dict(last.model.named_parameters())
    if {name: weight.shape for name, weight in began.items()} != {name: weight.shape for name, weight in ended.items()}:
        raise ModelError(f"{start} and {end} differ in shape; name the checkpoint that training started from.")
    for name, weight in ended.items():
        weight.copy_(torch.lerp(began[name], weight, factor))
    return save(out, last, _record(start, end, factor))


def _record(start: Path | str, end: Path | str, factor: float) -> TrainingRecord | None:
    """What made the end, and how far beyond it the weights are. Its figures are not those of the new weights."""
    if not (resolve(end) / RECORD).exists():
        return None
    record = read_record(resolve(end))
    beyond = {"start": str(start), "start_revision": revision_of(start), "factor": factor}
    return replace(record, settings={**record.settings, "extrapolated": beyond}, metrics={})
