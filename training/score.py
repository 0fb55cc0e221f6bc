"""Model and batch to numbers: log-probabilities of response tokens, or one reward per sequence.

Policy and reference, training and evaluation all pass here, so that equal weights give equal numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, linear
from torch.utils.checkpoint import checkpoint
from transformers import PreTrainedModel

from training.attention import hidden_states, take_groups
from training.batches import BatchT, Examples, PackedBatch, SequenceBatch, budget_batches
from training.settings import Precision

TILE_LOGITS = 2**27
"""Most logits held at once (512 MiB of float32); more are recomputed tile by tile in the backward pass."""

Progress = Callable[[int, int], None]
"""Called with the examples done, and all of them."""

SCORING_TOKENS = 2**14
"""Tokens per batch when no gradient is kept, with padding."""


class TokenScorer(nn.Module):
    """A causal language model as a function from a batch to the log-probabilities of its response tokens."""

    def __init__(self, policy: PreTrainedModel, temperature: float = 1.0) -> None:
        """`temperature` is that of the sampling whose probabilities are asked for."""
        super().__init__()
        take_groups(policy)
        self.policy = policy
        self.temperature = temperature

    def forward(self, batch: SequenceBatch | PackedBatch) -> Tensor:
        """[N, C] float32 log p(response token | tokens before it); 0 where a response is shorter than C."""
        hidden = hidden_states(self.policy, batch)
        learned = batch.completion_mask
        head = self.policy.get_output_embeddings()
        found = _logps(head, _rows(hidden, batch.before[learned]), batch.targets[learned], self.temperature)
        return found.new_zeros(learned.shape).masked_scatter(learned, found)


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
        take_groups(model)
        self.model = model

    @property
    def head(self) -> Any:
        """The layer that makes rewards of hidden states."""
        return self.model.score

    def forward(self, batch: SequenceBatch | PackedBatch) -> Scored:
        """The head at the last token of each sequence. It runs in float32, whatever the trunk's precision."""
        pooled = _rows(hidden_states(self.model, batch), batch.ends)
        with torch.autocast(pooled.device.type, enabled=False):
            return Scored(linear(pooled.float(), self.head.weight.float()), pooled)


class ValueScorer(nn.Module):
    """A sequence classifier as a critic: what it makes of every state in which a response token is chosen."""

    def __init__(self, model: PreTrainedModel, column: int) -> None:
        super().__init__()
        take_groups(model)
        self.model: Any = model
        self.column = column

    def forward(self, batch: SequenceBatch | PackedBatch) -> Tensor:
        """[N, C] float32 the head's output before each response token; 0 where a response is shorter than C."""
        hidden, learned = hidden_states(self.model, batch), batch.completion_mask
        states = _rows(hidden, batch.before[learned])
        with torch.autocast(states.device.type, enabled=False):
            found = linear(states.float(), self.model.score.weight[self.column, None].float()).squeeze(1)
        return found.new_zeros(learned.shape).masked_scatter(learned, found)


class MeanState(nn.Module):
    """A language model as a function from a batch to one vector a response."""

    def __init__(self, model: PreTrainedModel) -> None:
        super().__init__()
        take_groups(model)
        self.model = model

    def forward(self, batch: SequenceBatch | PackedBatch) -> Tensor:
        """[N, H] float32 the mean of the trunk's hidden states at the response tokens."""
        hidden, learned = hidden_states(self.model, batch), batch.completion_mask
        tokens = learned.sum(1)
        # Every response token but the last is the one before another.
        places = batch.before.roll(-1, 1).scatter(1, tokens[:, None] - 1, batch.ends[:, None])
        states = _rows(hidden, places[learned]).float()
        return torch.stack([part.mean(0) for part in states.split(tokens.tolist())])


def _rows(hidden: Tensor, places: Tensor) -> Tensor:
    """[T, H] the rows `places` of [R * W, H]. `embedding` because its backward pass is fast and deterministic."""
    return torch.nn.functional.embedding(places, hidden)


def _logps(head: Any, hidden: Tensor, targets: Tensor, temperature: float) -> Tensor:
    """[T] float32 log-probabilities of `targets` [T] given hidden states [T, H], in tiles of bounded memory."""

    def tile(states: Tensor, wanted: Tensor) -> Tensor:
        logits = head(states).float()
        return -cross_entropy(logits if temperature == 1 else logits / temperature, wanted, reduction="none")

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
    if not found:
        return torch.zeros(0)
    joined = torch.cat(found)
    return torch.empty_like(joined).index_copy_(0, torch.cat(order), joined)


def spread(found: Tensor, places: Sequence[int], count: int) -> Tensor:
    """[count, ...] rows of `found` at their places, NaN elsewhere."""
    whole = found.new_full((count, *found.shape[1:]), torch.nan)
    whole[torch.tensor(places, dtype=torch.int64)] = found
    return whole
