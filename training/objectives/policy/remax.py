"""ReMax, arXiv:2310.10505: REINFORCE with the greedy response as its baseline."""

from __future__ import annotations

from typing import ClassVar

import torch
from pydantic import Field

from training.objectives.policy import Credit, Policy, Rollouts


class ReMax(Policy):
    """A response is praised for what it has over the greedy one: no critic, one more decode for every prompt."""

    name = "remax"
    reads_greedy: ClassVar[bool] = True

    gamma: float = Field(default=0.99, gt=0, le=1)
    """Discount of a token's praise for each token from it to the end, its own among them, as in the authors' code."""
    most: float = Field(default=5.0, gt=0)
    """The difference of the two rewards is clipped to it."""

    def praise(self, rollouts: Rollouts) -> Credit:
        """gamma^(T - t + 1) * (R - R of greedy) - kl * log(policy / reference) of the token alone."""
        gain = (rollouts.rewards - rollouts.greedy.repeat_interleave(rollouts.samples)).clamp(-self.most, self.most)
        left = rollouts.mask.flip(1).cumsum(1).flip(1)
        advantage = (self.gamma**left * gain[:, None] - self.kl * rollouts.divergence).where(rollouts.mask, 0)
        return Credit(advantage, torch.zeros_like(advantage))
