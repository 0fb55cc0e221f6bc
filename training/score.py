"""Model and batch to numbers: log-probabilities of response tokens, or one reward per sequence.

Policy and reference, training and evaluation all pass here, so that equal weights give equal numbers.

No attention mask reaches the model: rows are right-padded and attention is causal, so a real token never sees padding.
That spares a [N, 1, L, L] mask and lets attention use its fast causal kernel.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, linear
from torch.utils.checkpoint import checkpoint
from transformers import PreTrainedModel

from training.batches import BatchT, Examples, PairBatch, SequenceBatch, budget_batches

Precision = Literal["no", "bf16"]

TILE_LOGITS = 2**27
"""Most logits held at once (512 MiB of float32); more are recomputed tile by tile in the backward pass."""

Progress = Callable[[int, int], None]
"""Called with the examples done, and all of them."""

SCORING_TOKENS = 2**14
"""Padded tokens of the longer side per batch when no gradient is kept."""


class TokenScorer(nn.Module):
    """A causal language model as a function from a batch to the log-probabilities of its response tokens."""

    def __init__(self, policy: PreTrainedModel) -> None:
        super().__init__()
        self.policy = policy
        self.head: Any = policy.get_output_embeddings()

    def forward(self, batch: SequenceBatch | PairBatch) -> Tensor:
        """[N, L-1] float32: position t holds log p(token t+1 | tokens up to t); 0 outside responses."""
        hidden = self.policy.base_model(input_ids=batch.input_ids, use_cache=False).last_hidden_state
        mask = batch.completion_mask[:, 1:]
        # The mask is shifted: the last prompt position predicts the first response token.
        places = mask.flatten().nonzero().squeeze(1)
        targets = batch.input_ids[:, 1:].flatten()[places]
        found = _logps(self.head, _rows(hidden[:, :-1], places), targets)
        return found.new_zeros(mask.numel()).index_copy(0, places, found).view(mask.shape)


class Scored(NamedTuple):
    """What a reward model makes of N sequences."""

    rewards: Tensor
    """[N, K] float32, one column for each output of the head"""
    pooled: Tensor
    """[N, H] the trunk's hidden state at the last real token, which the head reads"""


class RewardScorer(nn.Module):
    """A sequence classifier as a function from a batch to rewards."""

    def __init__(self, model: PreTrainedModel) -> None:
        super().__init__()
        self.model = model
        self.head: Any = model.score

    def forward(self, batch: SequenceBatch | PairBatch) -> Scored:
        """The head at the last real token. The head runs in float32, whatever the trunk's precision."""
        hidden = self.model.base_model(input_ids=batch.input_ids, use_cache=False).last_hidden_state
        last = batch.attention_mask.sum(1) - 1
        pooled = hidden[torch.arange(len(last), device=last.device), last]
        with torch.autocast(pooled.device.type, enabled=False):
            return Scored(linear(pooled.float(), self.head.weight.float()), pooled)


def _rows(hidden: Tensor, places: Tensor) -> Tensor:
    """[T, H] the rows `places` of [N, L, H]. `embedding` because its backward pass is fast and deterministic."""
    return torch.nn.functional.embedding(places, hidden.reshape(-1, hidden.shape[-1]))


def _logps(head: Any, hidden: Tensor, targets: Tensor) -> Tensor:
    """[T] float32 log-probabilities of `targets` [T] given hidden states [T, H], in tiles of bounded memory."""

    def tile(states: Tensor, wanted: Tensor) -> Tensor:
        return -cross_entropy(head(states).float(), wanted, reduction="none")

    size = max(1, TILE_LOGITS // head.weight.shape[0])
    if len(targets) <= size:
        return tile(hidden, targets)
    parts = zip(hidden.split(size), targets.split(size), strict=True)
    tiles: list[Any] = [checkpoint(tile, *part, use_reentrant=False) for part in parts]
    return torch.cat(tiles)


def autocast(device: torch.device, precision: Precision) -> AbstractContextManager[Any]:
    """The arithmetic of the trunk. Weights stay float32: a bfloat16 weight rounds small updates away."""
    return torch.autocast(device.type, torch.bfloat16, enabled=precision == "bf16")


def unseen(done: int, total: int) -> None:
    """Progress that nobody watches."""


@torch.no_grad()
def score_all(
    scorer: nn.Module,
    examples: Examples[BatchT],
    summary: Callable[[Any, BatchT], Tensor],
    precision: Precision = "no",
    progress: Progress = unseen,
) -> Tensor:
    """[P, ...] float32 on the CPU: `summary(scores, batch)` of every example, one row per example, in their order."""
    device = next(scorer.parameters()).device
    found: list[Tensor] = []
    order: list[Tensor] = []
    scorer.eval()
    for rows in budget_batches(examples.lengths, SCORING_TOKENS):
        batch: Any = examples.batch(rows).to(device)
        with autocast(device, precision):
            found.append(summary(scorer(batch), batch).float().cpu())
        order.append(rows)
        progress(sum(map(len, order)), len(examples))
    joined = torch.cat(found)
    return torch.empty_like(joined).index_copy_(0, torch.cat(order), joined)
