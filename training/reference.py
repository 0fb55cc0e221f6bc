"""Log-probabilities under the model that a run starts from: one pass for all epochs, and for later runs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from hashlib import blake2b
from pathlib import Path

import torch
from accelerate import PartialState
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from schemas.ids import content_id
from training.batches import PackedBatch, PairExamples, SequenceBatch, Sequences
from training.checkpoint import write_tensors
from training.progress import Report
from training.score import autocast, score_all
from training.settings import Precision

LOGPS = "reference"
"""The tensor of a file: [2P] float32, all chosen first."""

COMPARED = 8
"""Pairs of a file that are computed once more before it is believed."""

NEAR: Mapping[Precision, float] = {"no": 1e-4, "bf16": 0.05}
"""Nats by which a response may differ in another batch, and a tenth of that as a share."""


def store_reference(
    examples: Iterable[PairExamples],
    scorer: nn.Module,
    precision: Precision,
    report: Report,
    cache: Path | None = None,
) -> None:
    """Give pairs their log-probabilities under `scorer` as it is; then no second model is needed.

    With a `cache`, a folder of this very model, what is known of the same tokens is read, and what is not is kept
    there. Some pairs of a file are computed again: one of which they are not true is made anew. Any file of it may be
    removed.
    """
    device = next(scorer.parameters()).device
    for pairs in examples:
        if not len(pairs):
            continue
        file = cache and cache / f"{key(pairs.sequences, precision, device)}.safetensors"
        known = read(file, 2 * len(pairs)) if file else None
        if known is not None and not holds(known, scorer, pairs, precision):
            known = None
        # No process writes before all have looked: they take the same way.
        PartialState().wait_for_everyone()
        pairs.reference = reference_logps(scorer, pairs, precision, report) if known is None else known
        if file and known is None and PartialState().is_main_process:
            write_tensors(file, {LOGPS: pairs.reference})


def reference_logps(scorer: nn.Module, pairs: PairExamples, precision: Precision, report: Report) -> Tensor:
    """[2P] summed log-probabilities of the responses, all chosen first."""

    def summary(scores: Tensor, _: SequenceBatch | PackedBatch) -> Tensor:
        return torch.stack(scores.sum(1).chunk(2), dim=1)

    both = score_all(scorer, pairs, summary, precision, lambda done, total: report("reference", done, total))
    return both.T.reshape(-1)


@torch.no_grad()
def holds(known: Tensor, scorer: nn.Module, pairs: PairExamples, precision: Precision) -> bool:
    """Whether `scorer` as it is gives some of the pairs what is `known` [2P] of them."""
    device, near = next(scorer.parameters()).device, NEAR[precision]
    scorer.eval()
    for row in torch.randperm(len(pairs), generator=torch.Generator().manual_seed(0))[:COMPARED]:
        with autocast(device, precision):
            found = scorer(pairs.batch(row[None]).to(device)).sum(1).float().cpu()
        stored = torch.stack([known[row], known[row + len(pairs)]])
        if not torch.allclose(found, stored, rtol=near / 10, atol=near):
            return False
    return True


def key(sequences: Sequences, precision: Precision, device: torch.device) -> str:
    """A digest of all that decides the log-probabilities under a model: tokens, arithmetic, and the kind of device."""
    tokens = blake2b(digest_size=16)
    for part in (sequences.ids, sequences.lengths, sequences.cuts):
        tokens.update(part.numpy().data)
    return content_id("reference", tokens.hexdigest(), precision, device.type)


def read(file: Path, size: int) -> Tensor | None:
    """What a file holds; None where there is none, or one that a killed process or a full disk has spoilt."""
    try:
        found = load_file(file)[LOGPS]
    except (OSError, SafetensorError, KeyError):
        return None
    return found if found.shape == (size,) else None
