"""RLOO, arXiv:2402.14740."""

from __future__ import annotations

from typing import ClassVar, Literal

import torch

from training.objectives.policy import Credit, Policy, Rollouts, spread_over


class Rloo(Policy):
    """A response is praised for what it has over the mean of the others to its prompt; it is one action."""

    name = "rloo"
    least_samples: ClassVar[int] = 2

    ratio: Literal["token", "sequence_mean", "sequence_sum"] = "sequence_sum"
    aggregate: Literal["token_mean", "sequence_mean", "sequence_sum", "constant"] = "sequence_mean"

    def praise(self, rollouts: Rollouts) -> Credit:
        """R_i - mean of the other R_j, with R the reward less kl * log(policy / reference) of the response."""
        groups = rollouts.grouped(rollouts.rewards - self.kl * rollouts.divergence.sum(1))
        others = (groups.sum(1, keepdim=True) - groups) / (rollouts.samples - 1)
        advantage = spread_over((groups - others).flatten(), rollouts.mask)
        return Credit(advantage, torch.zeros_like(advantage))
