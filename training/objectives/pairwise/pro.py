"""Preference ranking optimization, arXiv:2306.17492 eq. 4 to 7."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import ClassVar, NamedTuple

import pyarrow as pa
import torch
from pydantic import Field
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from schemas.errors import InputError
from training.batches import Sequences
from training.objectives import Step
from training.objectives.lists import ListBatch, RankedLists, rankings
from training.objectives.pairwise import PairLogps, Pairwise
from training.prepare import PreparedPairs


@dataclass(frozen=True, kw_only=True)
class ValuedBatch(ListBatch):
    """B ranked lists, with how far apart their ranks are."""

    value: Tensor
    """[B, R] float32, sum of the margins between a rank and the first, times -1; 0 behind the end of a list"""
    soft_label: Tensor
    """[B] float32, probability that the order is this one and not the reverse"""


class ValuedLists(RankedLists):
    """Lists for training, with how far apart their ranks are. A step's mean is over its lists."""

    def __init__(
        self, sequences: Sequences, lists: list[list[int]], weight: Tensor, value: Tensor, soft_label: Tensor
    ) -> None:
        super().__init__(sequences, lists, weight)
        self.value, self.soft_label = value, soft_label

    def batch(self, rows: Tensor) -> ValuedBatch:
        """The padded batch of the given lists."""
        return ValuedBatch(**vars(super().batch(rows)), value=self.value[rows], soft_label=self.soft_label[rows])


class ListLogps(NamedTuple):
    """B ranked lists of up to R responses, best first; every tensor is [B, R]."""

    sums: Tensor
    """float32, log-probabilities of whole responses with EOS, in nats"""
    counts: Tensor
    """float32, response tokens with EOS"""
    value: Tensor
    """float32, descending"""
    there: Tensor
    """bool, false behind the end of a list"""

    @classmethod
    def of(cls, token_logps: Tensor, batch: ValuedBatch) -> ListLogps:
        """From token log-probabilities [N, C]."""
        places, counts = batch.places.clamp(min=0), batch.completion_mask.sum(1).to(token_logps.dtype)
        return cls(token_logps.sum(1)[places], counts[places], batch.value, batch.places >= 0)

    def turned(self) -> ListLogps:
        """The same lists, worst first."""
        ranks = torch.arange(self.there.shape[1], device=self.there.device)
        places = (self.there.sum(1, keepdim=True) - 1 - ranks) % len(ranks)
        return ListLogps(*(part.gather(1, places) for part in self))

    @property
    def means(self) -> Tensor:
        """[B, R] log-probabilities per token."""
        return self.sums / self.counts


class PRO(Pairwise):
    """Each response in turn is told from all worse ones by its mean log-probability, and the best one is learned.

    Pairs of one prompt become one list where they leave no doubt about its order, and lists of two otherwise; a pair
    with a soft label is a doubt of its own. The published code has a mask that is one token off; this has not.
    """

    name: ClassVar[str] = "pro"
    learning_rate: ClassVar[float] = 5e-6
    needs_reference: ClassVar[bool] = False

    use_margin: bool = False
    """Multiply the log-probabilities of two responses by their margin, which along a list is added up (the paper's
    temperatures): responses of margin 0 are not told apart. Without it all count alike, which is Plackett-Luce."""
    nll: float = Field(default=0.05, ge=0)
    """Weight of the best response's negative log-likelihood, a sum over its tokens, times (n - 1)^2 in a list of n."""

    def examples(self, part: PreparedPairs) -> ValuedLists:
        """The lists that the pairs make up. Raises InputError where `use_margin` wants a margin and there is none."""
        lost = part.rows.column("margin").null_count
        if self.use_margin and lost:
            raise InputError(
                f"pro: {lost} of {part.rows.num_rows} pairs have no margin; build pairs with margins, or leave out "
                "`use_margin`."
            )
        pairs = part.examples
        lists = rankings(part.rows, apart={*((pairs.soft_label != 1) | (pairs.weight == 0)).nonzero()[:, 0].tolist()})
        return ValuedLists(
            pairs.sequences,
            [ranks for ranks, _ in lists],
            weight=torch.stack([pairs.weight[members].mean() for _, members in lists]),
            value=values(part.rows, pairs.margin, lists),
            soft_label=torch.stack([pairs.soft_label[members].mean() for _, members in lists]),
        )

    def rewards(self, logps: PairLogps) -> tuple[Tensor, Tensor]:
        """[B] mean log-probability of a token."""
        return logps.means

    def costs(self, logps: PairLogps) -> Tensor:
        """[B] the cost of lists of two."""
        sums, counts = (torch.stack(sides, 1) for sides in (logps[:2], (logps.n_chosen, logps.n_rejected)))
        value = torch.stack([logps.margin.abs(), 0 * logps.margin], 1)
        return self.list_costs(ListLogps(sums, counts, value, torch.ones_like(sums, dtype=torch.bool)))

    def list_costs(self, lists: ListLogps) -> Tensor:
        """[B] sum of the contrasts of a list's ranks - nll * (n - 1)^2 * log p(best)."""
        return self.contrasts(lists).sum(1) - self.nll * (lists.there.sum(1) - 1).square() * lists.sums[:, 0]

    def contrasts(self, lists: ListLogps) -> Tensor:
        """[B, R] -log of exp(s_k T_k) over itself + the sum over worse j of exp(s_j T_kj), s the mean log-probability.

        T_kj is the difference of values, T_k the largest of them.
        """
        means, value = lists.means, lists.value
        apart = (value[:, :, None] - value[:, None, :]).abs()
        heat = apart if self.use_margin else torch.ones_like(apart)
        worse = (lists.there[:, :, None] & lists.there[:, None, :] & (heat > 0)).triu(1)
        own = means * heat.where(worse, 0.0).amax(2)
        others = (means[:, None, :] * heat).masked_fill(~worse, torch.finfo(means.dtype).min)
        return torch.logaddexp(own, others.logsumexp(2)) - own

    def loss_of(self, scores: Tensor, batch: ValuedBatch) -> Step:
        """Mean over lists of weight * [q * cost + (1-q) * cost of the list turned round], q = soft label."""
        lists, q = ListLogps.of(scores, batch), batch.soft_label
        costs = q * self.list_costs(lists) + (1 - q) * self.list_costs(lists.turned())
        means = lists.means.detach()
        ordered = (lists.there[:, :, None] & lists.there[:, None, :]).triu(1)
        gaps = (means[:, :, None] - means[:, None, :])[ordered]
        metrics = {
            "accuracy": (gaps > 0).float().mean(),
            "margin": gaps.mean(),
            "chosen_logp": lists.sums[:, 0].detach().mean(),
        }
        return Step((batch.list_weight * costs).mean(), metrics)


def values(rows: pa.Table, margin: Tensor, lists: list[tuple[list[int], list[int]]]) -> Tensor:
    """[B, R] of every rank of the lists, how far it lies below the first; the margins [P] of neighbours are added."""
    chosen, rejected = rows.column("chosen").to_pylist(), rows.column("rejected").to_pylist()
    texts, apart = chosen + rejected, margin.abs().tolist()
    found: list[Tensor] = []
    for ranks, members in lists:
        known = {(chosen[pair], rejected[pair]): apart[pair] for pair in members}
        steps = [-known[texts[better], texts[worse]] for better, worse in pairwise(ranks)]
        found.append(torch.tensor([*accumulate(steps, initial=0.0)]))
    return pad_sequence(found, batch_first=True)
