"""Ranked lists of responses to one prompt, made of its pairs."""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from itertools import pairwise

import pyarrow as pa
import torch
from torch import Tensor

from training.batches import SequenceBatch, SequenceExamples, Sequences


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


def rankings(rows: pa.Table, apart: Container[int] = ()) -> list[tuple[list[int], list[int]]]:
    """Ranked lists that P pairs make up: sequences (0..P-1 chosen, P..2P-1 rejected), best first, and their pairs.

    The pairs `apart` stay lists of two, and say nothing of the others' order.
    """
    count = rows.num_rows
    groups: dict[str, list[int]] = {}
    lists: list[tuple[list[int], list[int]]] = []
    columns = ("prompt_id", "prompt", "rejected_prompt", "chosen", "rejected")
    ids, prompts, rejected_prompts, chosen, rejected = (rows.column(name).to_pylist() for name in columns)
    for place, prompt in enumerate(ids):
        if prompts[place] == rejected_prompts[place] and place not in apart:
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
