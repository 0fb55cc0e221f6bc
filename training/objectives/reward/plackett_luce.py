"""Plackett-Luce: the likelihood of whole rankings (Plackett, Applied Statistics 24 (1975) 193)."""

from __future__ import annotations

from typing import ClassVar, NamedTuple

import torch
from torch import Tensor

from training.objectives import Step
from training.objectives.lists import ListBatch, RankedLists, rankings
from training.objectives.reward import Reward
from training.prepare import PreparedPairs
from training.score import Scored


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
