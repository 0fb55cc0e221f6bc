"""PPO with a critic, arXiv:1707.06347, and the settings that keep it stable: PPO-max, arXiv:2307.04964."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import Any, ClassVar, NamedTuple

import torch
from pydantic import Field
from torch import Tensor, nn
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from training.checkpoint import load_reward, reward_column
from training.objectives import Step
from training.objectives.policy import Credit, Policy, RolloutBatch, Rollouts, token_rewards, whitened
from training.score import TokenScorer, ValueScorer
from training.settings import Precision


class Judged(NamedTuple):
    """What policy and critic make of N responses."""

    logps: Tensor
    """[N, C]"""
    values: Tensor
    """[N, C]"""


class Actor(nn.Module):
    """A policy with its critic: two trunks, one step."""

    def __init__(self, policy: TokenScorer, critic: ValueScorer, critic_rate: float) -> None:
        super().__init__()
        self.policy = policy
        self.critic = critic
        self.rates: Mapping[str, float] = {"critic": critic_rate}

    def forward(self, batch: RolloutBatch) -> Judged:
        """Log-probabilities of the response tokens, and values of the states before them."""
        return Judged(self.policy(batch), self.critic(batch))


class Ppo(Policy):
    """A token is praised for what comes of it beyond what the critic expected, by generalised advantage estimation."""

    name = "ppo"
    reads_values: ClassVar[bool] = True

    critic: str | None = None
    """A reward model's folder to start from, best the one that rewards; None: the policy's trunk under a fresh head."""
    critic_rate: float = Field(default=3.0, gt=0)
    """Learning rate of the critic, as a multiple of the policy's."""
    critic_rollouts: int = Field(default=0, ge=0)
    """First rollouts from which only the critic learns."""
    gamma: float = Field(default=1.0, gt=0, le=1)
    """Discount per token."""
    trace: float = Field(default=0.95, ge=0, le=1)
    """GAE's lambda: 1 trusts what was sampled, 0 the critic's next value."""
    value_weight: float = Field(default=0.5, ge=0)
    """Of the critic's loss beside the policy's."""
    value_clip: float = Field(default=0.2, gt=0)
    """Values that have moved further than this from the sampled ones earn nothing more."""
    whiten: bool = True
    """Whiten the advantages over all tokens of the rollout."""
    most_advantage: float | None = Field(default=None, gt=0)
    """Clip advantages to it. The paper advises against it together with the clipping of values."""

    def scorer(self, model: PreTrainedModel) -> nn.Module:
        """The policy with its critic."""
        critic = load_reward(self.critic or str(model.name_or_path)).model
        critic.to(model.device)  # pyright: ignore[reportArgumentType]
        return Actor(TokenScorer(model, self.temperature), ValueScorer(critic, reward_column(critic)), self.critic_rate)

    def around(
        self, scorer: nn.Module, tokenizer: PreTrainedTokenizerBase, max_length: int, precision: Precision
    ) -> Callable[[int], AbstractContextManager[Any]]:
        """Of the policy alone."""
        assert isinstance(scorer, Actor)
        return super().around(scorer.policy, tokenizer, max_length, precision)

    def learns(self, rollout: int) -> bool:
        """Not from the first `critic_rollouts`."""
        return rollout >= self.critic_rollouts

    def praise(self, rollouts: Rollouts) -> Credit:
        """Advantages, whitened, and returns: advantage before whitening plus value."""
        advantage = advantages(token_rewards(rollouts, self.kl), rollouts.values, self.gamma, self.trace)
        advantage = advantage.where(rollouts.mask, 0)
        returns = (advantage + rollouts.values).where(rollouts.mask, 0)
        if self.whiten:
            advantage = whitened(advantage, rollouts.mask)
        if self.most_advantage is not None:
            advantage = advantage.clamp(-self.most_advantage, self.most_advantage)
        return Credit(advantage, returns)

    def loss_of(self, scores: Any, batch: Any) -> Step:
        """The policy's surrogate, and half the larger of the squared errors of the value and of the clipped value."""
        loss, metrics = self.surrogate(scores.logps, batch)
        held = batch.values + (scores.values - batch.values).clamp(-self.value_clip, self.value_clip)
        errors = torch.maximum((scores.values - batch.returns).square(), (held - batch.returns).square())
        value_loss = self.mean(errors / 2, batch.completion_mask)
        figures = {"policy_loss": loss.detach(), "value_loss": value_loss.detach()}
        return Step(loss + self.value_weight * value_loss, {**metrics, **figures})


def advantages(rewards: Tensor, values: Tensor, gamma: float, trace: float) -> Tensor:
    """[N, C] generalised advantage estimates of token rewards and values [N, C], both 0 beyond a response.

    arXiv:1506.02438 eq. 16. After its last token a response is worth nothing, also where it was cut off.
    """
    later = torch.cat([values[:, 1:], torch.zeros_like(values[:, :1])], dim=1)
    surprise = rewards + gamma * later - values
    found, ahead = torch.empty_like(surprise), torch.zeros_like(surprise[:, 0])
    for place in range(surprise.shape[1] - 1, -1, -1):
        ahead = surprise[:, place] + gamma * trace * ahead
        found[:, place] = ahead
    return found
