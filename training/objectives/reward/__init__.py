"""Objectives on the scalar rewards of a chosen and a rejected response: they train a reward model."""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar, Literal, NamedTuple

from torch import Tensor

from schemas.registry import Registry
from training.batches import PairBatch
from training.checkpoint import REWARD_OUTPUT
from training.objectives import Objective, Step
from training.score import Scored


class PairRewards(NamedTuple):
    """B pairs; every tensor is [B] float32. Subtracting rewards in bfloat16 would make exact ties of close pairs."""

    chosen: Tensor
    rejected: Tensor
    margin: Tensor
    weight: Tensor
    soft_label: Tensor

    @classmethod
    def of(cls, scored: Scored, batch: PairBatch) -> PairRewards:
        """From 2B sequences, all chosen first, under a head with one output."""
        chosen, rejected = scored.rewards.squeeze(1).chunk(2)
        return cls(chosen, rejected, batch.margin, batch.weight, batch.soft_label)

    def metrics(self) -> dict[str, Tensor]:
        """Strict accuracy, mean difference and mean reward, each []. They heed neither margin nor weight."""
        difference = (self.chosen - self.rejected).detach()
        return {
            "accuracy": (difference > 0).float().mean(),
            "margin": difference.mean(),
            "reward": (self.chosen + self.rejected).detach().mean() / 2,
        }


class Reward(Objective):
    """Base of objectives that train a reward model."""

    family: ClassVar[str] = "reward"
    default: ClassVar[str] = "bradley_terry"
    kind: ClassVar[Literal["policy", "reward"]] = "reward"
    learning_rate: ClassVar[float] = 9e-6
    outputs: ClassVar[tuple[str, ...]] = (REWARD_OUTPUT,)
    """Columns of the head."""

    def gap_of(self, scores: Scored, batch: PairBatch) -> Tensor:  # noqa: ARG002
        """[B] reward differences, for evaluation."""
        chosen, rejected = scores.rewards[:, self.outputs.index(REWARD_OUTPUT)].chunk(2)
        return chosen - rejected


class PairReward(Reward):
    """Base of objectives that read the rewards of each pair and nothing else."""

    @abstractmethod
    def __call__(self, rewards: PairRewards) -> Step:
        """Loss and metrics of B pairs; the loss is a mean over pairs."""

    def loss_of(self, scores: Scored, batch: PairBatch) -> Step:
        """The objective on 2B sequences."""
        return self(PairRewards.of(scores, batch))


REWARD: Registry[Reward] = Registry(__name__, Reward)
