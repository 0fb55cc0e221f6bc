"""REINFORCE with the batch as its baseline: REINFORCE++, arXiv:2501.03262."""

from __future__ import annotations

import torch

from training.objectives.policy import Credit, Policy, Rollouts, to_go, token_rewards, whitened


class Reinforce(Policy):
    """A token is praised for the rewards from it on, whitened over all tokens of the rollout."""

    name = "reinforce"

    group_baseline: bool = False
    """First take the mean reward of the prompt's responses away (REINFORCE++-baseline)."""

    def praise(self, rollouts: Rollouts) -> Credit:
        """Whitened sums of token rewards to go."""
        if self.group_baseline:
            groups = rollouts.grouped(rollouts.rewards)
            rollouts = rollouts._replace(rewards=(groups - groups.mean(1, keepdim=True)).flatten())
        advantage = whitened(to_go(token_rewards(rollouts, self.kl)), rollouts.mask)
        return Credit(advantage, torch.zeros_like(advantage))
