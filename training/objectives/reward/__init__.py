"""Objectives on the scalar rewards of a chosen and a rejected response: they train a reward model."""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar, Literal, NamedTuple

from torch import Tensor

from schemas.registry import Registry
from training.batches import PairBatch
from training.objectives import Objective, Step


class PairRewards(NamedTuple):
    """B pairs; every tensor is [B] float32. Subtracting rewards in bfloat16 would make exact ties of close pairs."""

    chosen: Tensor
    rejected: Tensor
    margin: Tensor
    weight: Tensor
    soft_label: Tensor

    @classmethod
    def of(cls, rewards: Tensor, batch: PairBatch) -> PairRewards:
        """From rewards [2B], all chosen first."""
        chosen, rejected = rewards.chunk(2)
        return cls(chosen, rejected, batch.margin, batch.weight, batch.soft_label)


class Reward(Objective):
    """Base of objectives on pairs of rewards."""

    family: ClassVar[str] = "reward"
    default: ClassVar[str] = "bradley_terry"
    kind: ClassVar[Literal["policy", "reward"]] = "reward"
    learning_rate: ClassVar[float] = 9e-6

    @abstractmethod
    def __call__(self, rewards: PairRewards) -> Step:
        """Loss and metrics of B pairs; the loss is a mean over pairs."""

    def loss_of(self, scores: Tensor, batch: PairBatch) -> Step:
        """The objective on rewards [2B]."""
        return self(PairRewards.of(scores, batch))

    def gap_of(self, scores: Tensor, batch: PairBatch) -> Tensor:  # noqa: ARG002 - same call as in Pairwise
        """[B] reward differences, for evaluation."""
        chosen, rejected = scores.chunk(2)
        return chosen - rejected


REWARD: Registry[Reward] = Registry(__name__, Reward)
