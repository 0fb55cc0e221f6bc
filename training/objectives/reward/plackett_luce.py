"""Plackett-Luce: the likelihood of whole rankings (Plackett, Applied Statistics 24 (1975) 193)."""

from __future__ import annotations

from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from itertools import pairwise
from typing import ClassVar, NamedTuple

import pyarrow as pa
import torch
from torch import Tensor

from training.batches import SequenceBatch, SequenceExamples, Sequences
from training.objectives import Step
from training.objectives.reward import Reward
from training.prepare import PreparedPairs
from training.score import Scored


@dataclass(frozen=True, kw_only=True)
class ListBatch(SequenceBatch):
    """B ranked lists as N sequences: the first of every list, then the second of every list ..."""

    places: Tensor
    """[B, R] int64, the sequence at each rank; -1 behind the end of a list"""
    list_weight: Tensor
    """[B] float32"""


class RankedLists:
    """Lists for training, best response first. A step's mean is over its lists."""

    def __init__(self, sequences: Sequences, lists: list[list[int]], weight: Tensor) -> None:
        self.sequences, self.weight = SequenceExamples(sequences), weight
        self.lists = torch.nn.utils.rnn.pad_sequence([torch.tensor(one) for one in lists], True, -1)
        lengths = sequences.lengths[self.lists].where(self.lists >= 0, 0)
        self.lengths, self.tokens = lengths.amax(1), lengths.sum(1)
        self.units = torch.ones_like(self.lengths)

    def __len__(self) -> int:
        return len(self.lists)

    def batch(self, rows: Tensor) -> ListBatch:
        """The padded batch of the given lists."""
        ranks = self.lists[rows].T
        there = ranks >= 0
        places = torch.full_like(ranks, -1)
        places[there] = torch.arange(int(there.sum()))
        return ListBatch(**vars(self.sequences.batch(ranks[there])), places=places.T, list_weight=self.weight[rows])


class Rankings(NamedTuple):
    """B ranked lists, best first."""

    rewards: Tensor
    """[B, R] float32; whatever stands behind the end of a list is not read"""
    there: Tensor
    """[B, R] bool, false behind the end of a list"""
    weight: Tensor
    """[B] float32"""


class PlackettLuce(Reward):
    """Each response in turn is the best of those that are left. A list of two is a Bradley-Terry pair.

    Pairs of one prompt become one list where they leave no doubt about its order, and lists of two otherwise. Only the
    order counts: margins and soft labels are not read.
    """

    name: ClassVar[str] = "plackett_luce"

    def examples(self, part: PreparedPairs) -> RankedLists:
        """The lists that the pairs make up; a list weighs what its pairs weigh on average."""
        lists = rankings(part.rows)
        weight = torch.stack([part.examples.weight[pairs].mean() for _, pairs in lists])
        return RankedLists(part.examples.sequences, [ranks for ranks, _ in lists], weight)

    def loss_of(self, scores: Scored, batch: ListBatch) -> Step:
        """The objective on N sequences."""
        there = batch.places >= 0
        return self(Rankings(scores.rewards[batch.places.clamp(min=0), 0], there, batch.list_weight))

    def __call__(self, lists: Rankings) -> Step:
        """Mean of weight * sum over t of log sum over j >= t of exp(r_j - r_t)."""
        above = lists.rewards[:, None, :] - lists.rewards[:, :, None]
        both = lists.there[:, None, :] & lists.there[:, :, None]
        left = both & torch.ones_like(both).triu()
        surprise = above.masked_fill(~left, torch.finfo(above.dtype).min).logsumexp(2).where(lists.there, 0.0)
        ordered = both & torch.ones_like(both).triu(1)
        gaps = -above.detach()[ordered]
        metrics = {"accuracy": (gaps > 0).float().mean(), "margin": gaps.mean()}
        return Step((lists.weight * surprise.sum(1)).mean(), metrics)


def rankings(rows: pa.Table) -> list[tuple[list[int], list[int]]]:
    """Ranked lists that P pairs make up: sequences (0..P-1 chosen, P..2P-1 rejected), best first, and their pairs."""
    count = rows.num_rows
    groups: dict[str, list[int]] = {}
    lists: list[tuple[list[int], list[int]]] = []
    columns = ("prompt_id", "prompt", "rejected_prompt", "chosen", "rejected")
    ids, prompts, rejected_prompts, chosen, rejected = (rows.column(name).to_pylist() for name in columns)
    for place, prompt in enumerate(ids):
        if prompts[place] == rejected_prompts[place]:
            groups.setdefault(prompt, []).append(place)
        else:
            lists.append(([place, place + count], [place]))
    for pairs in groups.values():
        if order := _order({(chosen[place], rejected[place]) for place in pairs}):
            where = {chosen[place]: place for place in pairs} | {rejected[place]: place + count for place in pairs}
            lists.append(([where[text] for text in order], pairs))
        else:
            lists += [([place, place + count], [place]) for place in pairs]
    return lists


def _order(beaten: set[tuple[str, str]]) -> list[str]:
    """Responses from best to worst; empty when the pairs (better, worse) run in a circle or leave two orders open."""
    graph: dict[str, set[str]] = {}
    for better, worse in beaten:
        graph.setdefault(worse, set()).add(better)
    try:
        order = list(TopologicalSorter(graph).static_order())
    except CycleError:
        return []
    return order if beaten.issuperset(pairwise(order)) else []
