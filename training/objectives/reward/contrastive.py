"""Contrastive rewards, Secrets of RLHF II, arXiv:2401.06080: SimCSE (arXiv:2104.08821) on what the head reads."""

from __future__ import annotations

from typing import Any, ClassVar, Literal, NamedTuple

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn.functional import normalize
from transformers import PreTrainedModel

from training.batches import PairBatch
from training.objectives import Step, soft_log_loss
from training.objectives.reward import PairRewards, Reward
from training.score import RewardScorer, Scored


class TwoViews(NamedTuple):
    """What a reward model makes of N sequences, seen twice."""

    rewards: Tensor
    """[N, 1] float32"""
    pooled: Tensor
    """[N, H]"""
    again: Tensor
    """[N, H] the same through noise"""


class NoisyTwin(nn.Module):
    """A reward scorer that reads every batch a second time, with some entries of the token embeddings set to 0.

    SimCSE's noise is the trunk's own dropout. Language models of today have none, and the two sides of a pair must not
    pass different networks: so the first pass, which gives the rewards, is clean, and noise enters the second one where
    every architecture lets it.
    """

    def __init__(self, model: PreTrainedModel, noise: float) -> None:
        super().__init__()
        self.scorer = RewardScorer(model)
        self.noise = noise

    def forward(self, batch: PairBatch) -> TwoViews:
        """Rewards and states, and outside of training no second view."""
        scored: Scored = self.scorer(batch)
        if not self.training:
            return TwoViews(scored.rewards, scored.pooled, scored.pooled)
        with self.scorer.model.get_input_embeddings().register_forward_hook(self._blur):
            return TwoViews(scored.rewards, scored.pooled, self.scorer(batch).pooled)

    def _blur(self, _: nn.Module, read: tuple[Any, ...], embedded: Tensor) -> Tensor:
        # Seeded by the tokens: a run that is repeated or taken up again meets the same noise.
        chance = torch.Generator(embedded.device).manual_seed(int(read[0].sum()))
        kept = torch.rand(embedded.shape, generator=chance, device=embedded.device) >= self.noise
        return embedded * kept / (1 - self.noise)


class Contrastive(Reward):
    """Bradley-Terry, and states that are told apart from all others in the batch through noise.

    The others are those of one forward pass: with few of them telling them apart is easy.
    """

    name: ClassVar[str] = "contrastive"
    whole_steps: ClassVar[bool] = True

    of: Literal["states", "differences"] = "states"
    """What is told apart: the state of each response, or the differences chosen - rejected and rejected - chosen."""
    strength: float = Field(default=0.1, ge=0)
    """Weight of the contrastive term; 0 is Bradley-Terry."""
    temperature: float = Field(default=0.05, gt=0)
    """Of the cosines. Small: only the nearest others count."""
    noise: float = Field(default=0.1, ge=0, lt=1)
    """Share of the entries of the token embeddings that the second view lacks."""

    def scorer(self, model: PreTrainedModel) -> nn.Module:
        """Rewards with two views of the states."""
        return NoisyTwin(model, self.noise)

    def loss_of(self, scores: TwoViews, batch: PairBatch) -> Step:
        """Mean of weight * [BT + strength * (mean of the contrastive terms of the pair's two states)]."""
        rewards = PairRewards.of(Scored(scores.rewards, scores.pooled), batch)
        plain = soft_log_loss(rewards.chosen - rewards.rejected, rewards.soft_label, 0.0)
        first, second = (self._states(one.float()) for one in (scores.pooled, scores.again))
        apart = told_apart(first, second, self.temperature, batch.weight.repeat(2) > 0).view(2, -1).mean(0)
        loss = (batch.weight * (plain + self.strength * apart)).mean()
        return Step(loss, {**rewards.metrics(), "contrast": apart.detach().mean()})

    def _states(self, pooled: Tensor) -> Tensor:
        """[2B, H] what is told apart."""
        if self.of == "states":
            return pooled
        chosen, rejected = pooled.chunk(2)
        return torch.cat([chosen - rejected, rejected - chosen])


def told_apart(first: Tensor, second: Tensor, temperature: float, heeded: Tensor) -> Tensor:
    """[N] -log of the share that each state's second view has among all of them, [N, H]; 0 if not `heeded` [N]."""
    cosines = normalize(first, dim=1) @ normalize(second, dim=1).T / temperature
    cosines = cosines.masked_fill(~heeded, torch.finfo(cosines.dtype).min)
    return (cosines.logsumexp(1) - cosines.diagonal()).where(heeded, 0.0)
