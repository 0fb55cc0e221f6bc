"""Tokenised examples and their batches: right-padded, of like length, in a seeded order, of exact size."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, NamedTuple, Protocol, Self, TypeVar

import torch
from torch import Tensor

if TYPE_CHECKING:
    from training.tokens import Encoded

WINDOW = 32
"""Batches among which examples are sorted by length. More: less padding, less chance in the order."""


class SequenceBatch(NamedTuple):
    """N sequences, right-padded to L tokens."""

    input_ids: Tensor
    """[N, L] int64"""
    attention_mask: Tensor
    """[N, L] bool, true on real tokens (padding may share the id of a real token)"""
    completion_mask: Tensor
    """[N, L] bool, true on response tokens with EOS"""
    weight: Tensor
    """[N] float32"""

    def to(self, device: torch.device) -> SequenceBatch:
        """The batch on a device."""
        return SequenceBatch(*(part.to(device, non_blocking=True) for part in self))


class PairBatch(NamedTuple):
    """B pairs as 2B sequences: all chosen, then all rejected, right-padded to L tokens."""

    input_ids: Tensor
    """[2B, L] int64"""
    attention_mask: Tensor
    """[2B, L] bool, true on real tokens"""
    completion_mask: Tensor
    """[2B, L] bool, true on response tokens with EOS"""
    reference: Tensor
    """[2B] float32, summed log-probabilities under the reference; zeros for objectives that need none"""
    margin: Tensor
    """[B] float32, 0 where the version has none"""
    weight: Tensor
    """[B] float32"""
    soft_label: Tensor
    """[B] float32, probability that chosen is better"""

    def to(self, device: torch.device) -> PairBatch:
        """The batch on a device."""
        return PairBatch(*(part.to(device, non_blocking=True) for part in self))


BatchT = TypeVar("BatchT", bound=SequenceBatch | PairBatch)
Batch_co = TypeVar("Batch_co", bound=SequenceBatch | PairBatch, covariant=True)


class Examples(Protocol, Generic[Batch_co]):
    """What the loop trains on: P examples, each with its cost and its share of a step."""

    lengths: Tensor
    """[P] int64, tokens of the longer side: sorts examples into batches"""
    tokens: Tensor
    """[P] int64, all real tokens"""
    units: Tensor
    """[P] int64, share of the step's mean: 1 per pair, or the number of learned tokens"""

    def __len__(self) -> int: ...

    def batch(self, rows: Tensor) -> Batch_co:
        """The padded batch of the given examples."""
        ...


@dataclass(frozen=True, slots=True)
class Sequences:
    """N tokenised sequences back to back: a batch is one gather, with no loop over rows."""

    ids: Tensor
    """[T] int64"""
    starts: Tensor
    """[N] int64"""
    lengths: Tensor
    """[N] int64"""
    cuts: Tensor
    """[N] int64, prompt tokens"""
    pad: int

    @classmethod
    def of(cls, encoded: Sequence[Encoded], pad: int) -> Self:
        """Pack encoded sequences; `pad` is the id that fills short rows."""
        lengths = torch.tensor([len(one.ids) for one in encoded], dtype=torch.int64)
        ids = torch.tensor([token for one in encoded for token in one.ids], dtype=torch.int64)
        cuts = torch.tensor([one.cut for one in encoded], dtype=torch.int64)
        return cls(ids, lengths.cumsum(0) - lengths, lengths, cuts, pad)

    def padded(self, rows: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """input_ids, attention_mask and completion_mask of `rows`, each [len(rows), L]."""
        lengths = self.lengths[rows, None]
        place = torch.arange(int(lengths.max()))
        real = place < lengths
        ids = self.ids[(self.starts[rows, None] + place).clamp_(max=len(self.ids) - 1)]
        return ids.masked_fill_(~real, self.pad), real, real & (place >= self.cuts[rows, None])


class SequenceExamples:
    """Single sequences for likelihood training. A step's mean is over its learned tokens."""

    def __init__(self, sequences: Sequences, weight: Tensor | None = None) -> None:
        self.sequences = sequences
        self.weight = torch.ones(len(sequences.lengths)) if weight is None else weight
        self.lengths = self.tokens = sequences.lengths
        self.units = sequences.lengths - sequences.cuts

    def __len__(self) -> int:
        return len(self.lengths)

    def batch(self, rows: Tensor) -> SequenceBatch:
        """The padded batch of the given sequences."""
        return SequenceBatch(*self.sequences.padded(rows), self.weight[rows])


class PairExamples:
    """P pairs: sequences [2P], all chosen, then all rejected; treatment [P]. A step's mean is over its pairs."""

    def __init__(self, sequences: Sequences, *, margin: Tensor, weight: Tensor, soft_label: Tensor) -> None:
        chosen, rejected = sequences.lengths.chunk(2)
        self.sequences = sequences
        self.margin, self.weight, self.soft_label = margin, weight, soft_label
        self.lengths, self.tokens = torch.maximum(chosen, rejected), chosen + rejected
        self.units = torch.ones_like(chosen)
        self.reference = torch.zeros(len(sequences.lengths))

    def __len__(self) -> int:
        return len(self.lengths)

    def batch(self, rows: Tensor) -> PairBatch:
        """The padded batch of the given pairs."""
        both = torch.cat([rows, rows + len(self)])
        treatment = (self.margin[rows], self.weight[rows], self.soft_label[rows])
        return PairBatch(*self.sequences.padded(both), self.reference[both], *treatment)


def epoch_batches(lengths: Tensor, size: int, seed: int) -> list[Tensor]:
    """Every example once, in batches of exactly `size`; what is left over makes the last batch.

    Examples are shuffled, sorted by length inside windows, cut into batches, and the batches shuffled again.
    """
    chance = torch.Generator().manual_seed(seed)
    order = torch.randperm(len(lengths), generator=chance)
    whole = len(order) // size * size
    batches: list[Tensor] = []
    for begin in range(0, whole, size * WINDOW):
        window = order[begin : min(whole, begin + size * WINDOW)]
        batches.extend(window[lengths[window].argsort(stable=True)].split(size))
    shuffled = [batches[place] for place in torch.randperm(len(batches), generator=chance).tolist()]
    return shuffled + ([order[whole:]] if whole < len(order) else [])


def budget_batches(lengths: Tensor, max_tokens: int) -> Iterator[Tensor]:
    """Every example once, by length, as many as fit `max_tokens` padded tokens: for scoring, where order is free."""
    order = lengths.argsort(stable=True)
    ordered = lengths[order].tolist()
    begin = 0
    for end in range(1, len(ordered) + 1):
        if end == len(ordered) or ordered[end] * (end + 1 - begin) > max_tokens:
            yield order[begin:end]
            begin = end
