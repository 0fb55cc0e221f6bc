"""Tokenised examples and their batches: of like length, in a seeded order, of exact size.

Sequences that share a beginning, such as the two sides of a pair or all samples of one prompt, lie side by side: the
first of them whole, of the others what comes after it. So a prompt is read once.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, Protocol, Self, TypeVar

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

if TYPE_CHECKING:
    from training.tokens import Encoded

WINDOW = 32
"""Batches among which examples are sorted by length. More: less padding, less chance in the order."""


@dataclass(frozen=True, kw_only=True)
class Batch:
    """Tensors that a step reads. What needs more than a base has adds fields to it."""

    def to(self, device: torch.device, non_blocking: bool = True) -> Self:
        """The batch on a device."""
        return type(self)(**{name: part.to(device, non_blocking=non_blocking) for name, part in vars(self).items()})


@dataclass(frozen=True, kw_only=True)
class SequenceBatch(Batch):
    """N sequences, one a row, right-padded to W tokens. C: tokens of the longest response."""

    input_ids: Tensor
    """[N, W] int64"""
    ends: Tensor
    """[N] int64, place of the last token of each sequence in the rows end to end"""
    before: Tensor
    """[N, C] int64, place of the token before each response token: its state predicts it"""
    targets: Tensor
    """[N, C] int64, the response tokens with EOS"""
    completion_mask: Tensor
    """[N, C] bool, true on response tokens, false where a response is shorter than C"""
    weight: Tensor
    """[N] float32"""


@dataclass(frozen=True, kw_only=True)
class PackedBatch(Batch):
    """N sequences back to back in one row of T tokens, without padding, of groups that share a beginning."""

    input_ids: Tensor
    """[1, T] int64: of each group the first sequence, then the others without what they share with it"""
    position_ids: Tensor
    """[1, T] int64, place of a token in its own sequence"""
    parts: Tensor
    """[N, 2] int64, in the order of the row: tokens of its own, and tokens that it shares with the first of its group;
    0 for the first. All others of a group share as many."""
    ends: Tensor
    """[N] int64, place of the last token of each sequence in the row"""
    before: Tensor
    """[N, C] int64, place of the token before each response token: its state predicts it"""
    targets: Tensor
    """[N, C] int64, the response tokens with EOS"""
    completion_mask: Tensor
    """[N, C] bool, true on response tokens, false where a response is shorter than C"""


@dataclass(frozen=True, kw_only=True)
class PairBatch(PackedBatch):
    """B pairs. Sequences count all chosen, then all rejected: N = 2B."""

    reference: Tensor
    """[2B] float32, summed log-probabilities under the reference; zeros for objectives that need none"""
    margin: Tensor
    """[B] float32, 0 where the version has none"""
    weight: Tensor
    """[B] float32"""
    soft_label: Tensor
    """[B] float32, probability that chosen is better"""


BatchT = TypeVar("BatchT", bound=Batch)
Batch_co = TypeVar("Batch_co", bound=Batch, covariant=True)


class Examples(Protocol, Generic[Batch_co]):
    """What the loop trains on: P examples, each with its cost and its share of a step."""

    lengths: Tensor
    """[P] int64, tokens that a model reads: sorts examples into batches"""
    tokens: Tensor
    """[P] int64, tokens of all sequences"""
    units: Tensor
    """[P] int64, share of the step's mean: 1 per pair, or the number of learned tokens"""

    def __len__(self) -> int: ...

    def batch(self, rows: Tensor) -> Batch_co:
        """The batch of the given examples."""
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
    """[N] int64, prompt tokens, at least 1: nothing predicts the first token"""
    pad: int

    @classmethod
    def of(cls, encoded: Sequence[Encoded], pad: int) -> Self:
        """Pack encoded sequences; `pad` is the id that fills short rows."""
        lengths = torch.tensor([len(one.ids) for one in encoded], dtype=torch.int64)
        ids = torch.tensor([token for one in encoded for token in one.ids], dtype=torch.int64)
        cuts = torch.tensor([max(one.cut, 1) for one in encoded], dtype=torch.int64)
        return cls(ids, lengths.cumsum(0) - lengths, lengths, cuts, pad)

    def of_rows(self, rows: Tensor) -> Iterator[Tensor]:
        """The ids of each of `rows`."""
        spans = zip(self.starts[rows].tolist(), self.lengths[rows].tolist(), strict=True)
        return (self.ids[start : start + length] for start, length in spans)

    def responses(self, rows: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Each [len(rows), C]: places of response tokens in their sequence, their ids, and which are real."""
        cuts, lengths = self.cuts[rows, None], self.lengths[rows, None]
        places = cuts + torch.arange(int((lengths - cuts).max()))
        ids = self.ids[(self.starts[rows, None] + places).clamp_(max=len(self.ids) - 1)]
        return places, ids, places < lengths


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
        ids = pad_sequence([*self.sequences.of_rows(rows)], batch_first=True, padding_value=self.sequences.pad)
        begin = torch.arange(len(rows)) * ids.shape[1]
        places, targets, real = self.sequences.responses(rows)
        before = (begin[:, None] + places - 1).where(real, 0)
        return SequenceBatch(
            input_ids=ids,
            ends=begin + self.lengths[rows] - 1,
            before=before,
            targets=targets,
            completion_mask=real,
            weight=self.weight[rows],
        )


class PairExamples:
    """P pairs: sequences [2P], all chosen, then all rejected; treatment [P]. A step's mean is over its pairs."""

    def __init__(self, sequences: Sequences, *, margin: Tensor, weight: Tensor, soft_label: Tensor) -> None:
        chosen, rejected = sequences.lengths.chunk(2)
        self.sequences = sequences
        self.margin, self.weight, self.soft_label = margin, weight, soft_label
        self.shared = common_prefixes(sequences)
        self.tokens = chosen + rejected
        self.lengths = self.tokens - self.shared
        self.units = torch.ones_like(chosen)
        self.reference = torch.zeros(len(sequences.lengths))

    def __len__(self) -> int:
        return len(self.lengths)

    def batch(self, rows: Tensor) -> PairBatch:
        """The given pairs in one row."""
        both, count = torch.cat([rows, rows + len(self)]), len(rows)
        shared = torch.cat([torch.zeros_like(rows), self.shared[rows]])
        packed = pack(self.sequences, both, shared, first=torch.arange(count).repeat(2))
        return PairBatch(
            **vars(packed),
            reference=self.reference[both],
            margin=self.margin[rows],
            weight=self.weight[rows],
            soft_label=self.soft_label[rows],
        )


class GroupExamples:
    """N sequences, `samples` to each prompt side by side. A step's mean is over their learned tokens."""

    def __init__(self, sequences: Sequences, samples: int) -> None:
        self.sequences, self.samples = sequences, samples
        self.tokens = sequences.lengths
        self.units = sequences.lengths - sequences.cuts
        # Of one prompt all cost alike, and so stay together when they are sorted by it.
        prompts, own = sequences.cuts.view(-1, samples)[:, :1], self.units.view(-1, samples)
        cost = (prompts + own.sum(1, keepdim=True)) / samples
        self.lengths = cost.ceil().long().expand(-1, samples).reshape(-1)

    def __len__(self) -> int:
        return len(self.lengths)

    def batch(self, rows: Tensor) -> PackedBatch:
        """The given sequences in one row, each prompt once."""
        prompts, place = (rows // self.samples).unique(return_inverse=True)
        first = torch.full_like(prompts, len(rows)).scatter_reduce(0, place, torch.arange(len(rows)), "amin")[place]
        shared = self.sequences.cuts[rows].where(first != torch.arange(len(rows)), 0)
        return pack(self.sequences, rows, shared, first)


def pack(sequences: Sequences, rows: Tensor, shared: Tensor, first: Tensor) -> PackedBatch:
    """The sequences `rows` [N] in one row.

    Of each come the tokens after the `shared` [N] ones, which are those of the sequence `first` [N], a place in `rows`.
    """
    order = first.argsort(stable=True)  # the first of a group has the least place in it
    sizes = (sequences.lengths[rows] - shared)[order]
    begin = torch.empty_like(sizes).scatter(0, order, sizes.cumsum(0) - sizes)
    which = order.repeat_interleave(sizes)
    position = torch.arange(len(which)) - begin[which] + shared[which]

    def place_of(at: Tensor) -> Tensor:
        """Where the tokens `at` [N, ...] of each sequence lie in the row."""
        return torch.where(at < shared[:, None], at + begin[first, None], at + (begin - shared)[:, None])

    places, targets, learned = sequences.responses(rows)
    return PackedBatch(
        input_ids=sequences.ids[sequences.starts[rows][which] + position][None],
        position_ids=position[None],
        parts=torch.stack([sizes, shared[order]], dim=1),
        ends=place_of(sequences.lengths[rows, None] - 1).squeeze(1),
        before=place_of(places - 1).where(learned, 0),
        targets=targets,
        completion_mask=learned,
    )


def common_prefixes(sequences: Sequences) -> Tensor:
    """[P] int64, leading tokens that the two sides of each of P pairs have in common."""
    found: list[int] = []
    sides = torch.arange(len(sequences.lengths)).chunk(2)
    for left, right in zip(*map(sequences.of_rows, sides), strict=True):
        short = min(len(left), len(right))
        differ = (left[:short] != right[:short]).nonzero()
        found.append(int(differ[0]) if len(differ) else short)
    return torch.tensor(found, dtype=torch.int64)


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
