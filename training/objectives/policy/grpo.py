"""GRPO, arXiv:2402.03300; without the deviation it is Dr.GRPO, arXiv:2503.20783."""

from __future__ import annotations

from typing import ClassVar, Literal

import torch

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

    def credit(self, rollouts: Rollouts) -> Credit:
        """R - mean of the group, over the deviation (n - 1)."""
        rewards = rollouts.rewards
        if self.kl_in == "reward":
            rewards = rewards - self.kl * rollouts.divergence.sum(1)
        groups = rollouts.grouped(rewards)
        praise = groups - groups.mean(1, keepdim=True)
        if self.deviation == "group":
            praise = praise / (groups.std(1, keepdim=True) + LEAST_DEVIATION)
        elif self.deviation == "batch":
            praise = praise / (rewards.std() + LEAST_DEVIATION)
        advantage = spread_over(praise.flatten(), rollouts.mask)
        return Credit(advantage, torch.zeros_like(advantage))
