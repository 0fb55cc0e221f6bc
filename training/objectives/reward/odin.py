"""ODIN, arXiv:2402.07319: one output learns what length says about a label, so that the reward need not.

As the authors' later code, with the length of a response on a linear scale.
"""

from __future__ import annotations

from typing import ClassVar, NamedTuple

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn.functional import cosine_similarity
from transformers import PreTrainedModel

from training.batches import PairBatch
from training.checkpoint import REWARD_OUTPUT
from training.objectives import Step, soft_log_loss
from training.objectives.reward import PairRewards, Reward
from training.score import RewardScorer

LEAST_SPREAD = 1e-12
"""Share of its squared mean below which a variance is rounding."""


class TwoRewards(NamedTuple):
    """What a head with two outputs makes of N sequences."""

    rewards: Tensor
    """[N, 2] float32: reward and length output"""
    pooled: Tensor
    """[N, H]"""
    head: Tensor
    """[2, H] the weights of the two outputs"""


class TwoOutputs(nn.Module):
    """A reward scorer that shows the weights of its head, too."""

    def __init__(self, model: PreTrainedModel) -> None:
        super().__init__()
        self.scorer = RewardScorer(model)

    def forward(self, batch: PairBatch) -> TwoRewards:
        """Rewards, and the head that made them."""
        scored = self.scorer(batch)
        return TwoRewards(scored.rewards, scored.pooled, self.scorer.head.weight)


class Odin(Reward):
    """Bradley-Terry on the sum of two outputs: `length` is to follow the length, and `reward` not to.

    Correlations are over the responses of one forward pass: with few of them they are rough.
    """

    name: ClassVar[str] = "odin"
    outputs: ClassVar[tuple[str, ...]] = (REWARD_OUTPUT, "length")
    whole_steps: ClassVar[bool] = True

    length: float = Field(default=1.0, ge=0)
    """Weight of 1 - correlation(length output, length)."""
    decorrelate: float = Field(default=1.0, ge=0)
    """Weight of |correlation(reward, length)|."""
    orthogonal: float = Field(default=1.0, ge=0)
    """Weight of |cosine| between the weights of the two outputs: they are not to read the same of the hidden state."""

    def scorer(self, model: PreTrainedModel) -> nn.Module:
        """Rewards with the weights of the head."""
        return TwoOutputs(model)

    def loss_of(self, scores: TwoRewards, batch: PairBatch) -> Step:
        """Mean of weight * BT(reward + length output), and the three penalties."""
        rewards, lengths = scores.rewards.unbind(1)
        tokens = batch.completion_mask.sum(1).float()
        weight = batch.weight.repeat(2)
        total, rejected = (rewards + lengths).chunk(2)
        loss = (batch.weight * soft_log_loss(total - rejected, batch.soft_label, 0.0)).mean()
        by_reward, by_length = correlation(rewards, tokens, weight), correlation(lengths, tokens, weight)
        alike = cosine_similarity(*scores.head.float(), dim=0).abs()
        loss = loss + self.length * (1 - by_length) + self.decorrelate * by_reward.abs() + self.orthogonal * alike
        chosen, other = rewards.chunk(2)
        metrics = PairRewards(chosen, other, batch.margin, batch.weight, batch.soft_label).metrics()
        seen = {"reward_to_length": by_reward.detach(), "length_to_length": by_length.detach()}
        return Step(loss, metrics | seen)


def correlation(x: Tensor, y: Tensor, weight: Tensor) -> Tensor:
    """[] Pearson's correlation of x and y [N], each row as often as its weight says; 0 where one is constant."""
    share = weight / weight.sum().clamp(min=torch.finfo(weight.dtype).tiny)
    both = torch.stack([x, y])
    means = (share * both).sum(1, keepdim=True)
    off = both - means
    spreads = (share * off.square()).sum(1)
    varied = (spreads > LEAST_SPREAD * (1 + means.squeeze(1).square())).all()
    scale = spreads.where(varied, 1.0).sqrt().prod()
    return ((share * off.prod(0)).sum() / scale).where(varied, 0.0)
