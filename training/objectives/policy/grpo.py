"""GRPO, arXiv:2402.03300; without the deviation it is Dr.GRPO, arXiv:2503.20783."""

from __future__ import annotations

from typing import ClassVar, Literal, Self

import torch
from pydantic import model_validator
from torch import Tensor

from training.objectives.policy import Credit, Policy, Rollouts, spread_over

LEAST_DEVIATION = 1e-4
"""Added to deviations: a group of equals is praised for nothing."""


class Grpo(Policy):
    """A response is praised for being better than others to its prompt, in deviations of their rewards."""

    name = "grpo"
    least_samples: ClassVar[int] = 2

    kl_in: Literal["reward", "loss"] = "loss"
    deviation: Literal["group", "batch", "none"] = "group"
    """Divide by the deviation of the prompt's rewards (GRPO), by that of all, or not (Dr.GRPO): a group's own makes
    prompts with nearly equal rewards count most."""

    normalise: Literal["sum", "parts", "parts_then_batch"] = "sum"
    """Where several parts reward: their sum, in which the part that varies most rules; each part, so that it counts by
    its weight alone; or each part, and then their sum over the whole rollout (GDPO, arXiv:2601.05242)."""

    @model_validator(mode="after")
    def _the_pull_is_no_part(self) -> Self:
        if self.normalise != "sum" and self.kl and self.kl_in == "reward":
            raise ValueError(f"normalise={self.normalise}: no part of the reward is the pull; set kl_in=loss")
        return self

    def praise(self, rollouts: Rollouts) -> Credit:
        """R - mean of the group, over the deviation (n - 1)."""
        if self.normalise == "sum":
            rewards = rollouts.rewards - self.kl * rollouts.divergence.sum(1)
            praise = self._normalised(rewards, rollouts)
        else:
            praise = rollouts.weights @ self._normalised(rollouts.parts, rollouts)
        if self.normalise == "parts_then_batch":
            praise = (praise - praise.mean()) / (praise.std() + LEAST_DEVIATION)
        advantage = spread_over(praise, rollouts.mask)
        return Credit(advantage, torch.zeros_like(advantage))

    def _normalised(self, rewards: Tensor, rollouts: Rollouts) -> Tensor:
        """[..., N] rewards less the mean of their group, over the deviation."""
        groups = rollouts.grouped(rewards)
        apart = groups - groups.mean(-1, keepdim=True)
        if self.deviation == "group":
            apart = apart / (groups.std(-1, keepdim=True) + LEAST_DEVIATION)
        elif self.deviation == "batch":
            apart = apart / (rewards.std(-1)[..., None, None] + LEAST_DEVIATION)
        return apart.flatten(-2)
