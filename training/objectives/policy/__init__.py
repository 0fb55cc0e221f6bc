"""Objectives on responses that the policy has just sampled, and what they were worth. They train the policy."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, Literal, NamedTuple

import torch
from pydantic import Field
from torch import Tensor, nn
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from schemas.registry import Registry
from training.batches import PackedBatch
from training.objectives import Objective, Step
from training.objectives.texts import beside, text_batches
from training.score import TokenScorer
from training.settings import Precision

LARGEST_RATIO = 20.0
"""Log-ratios are held within it, in nats: their exponentials must stay finite."""

LINEAR_FROM = 10.0
"""Beyond this log-ratio the chi-square estimate goes on as a straight line, in nats."""

LEAST_CHI_SQUARE = 1e-4
"""Under the root, whose slope at 0 has no end."""


@dataclass(frozen=True, kw_only=True)
class RolloutBatch(PackedBatch):
    """N sampled responses. C: tokens of the longest."""

    old: Tensor
    """[N, C] log-probabilities under the policy that sampled; [N, 0] where that is the policy that learns"""
    reference: Tensor
    """[N, C] log-probabilities under the policy as it started; zeros where the objective does not look at them"""
    advantage: Tensor
    """[N, C]"""
    returns: Tensor
    """[N, C] what a critic should have said; zeros without one"""
    values: Tensor
    """[N, C] what it said; zeros without one"""
    learn: Tensor
    """[N] float32, 0 while only the critic learns"""


class Rollouts(NamedTuple):
    """N = P * G responses, G to each of P prompts side by side, with what a policy gradient is made of."""

    rewards: Tensor
    """[N] of the whole response"""
    mask: Tensor
    """[N, C] bool, true on response tokens with EOS"""
    divergence: Tensor
    """[N, C] log(policy / reference) of the sampled tokens; 0 beyond the response"""
    samples: int
    """G"""
    greedy: Tensor
    """[P] rewards of the greedy responses; empty where the objective does not ask for them"""
    values: Tensor
    """[N, C] a critic's values of the states before each token; zeros without one"""
    parts: Tensor
    """[K, N] what `rewards` are the weighted sum of"""
    weights: Tensor
    """[K]"""

    def grouped(self, values: Tensor) -> Tensor:
        """[..., P, G] of [..., N]."""
        return values.unflatten(-1, (-1, self.samples))


class Credit(NamedTuple):
    """What each token is to be praised for."""

    advantage: Tensor
    """[N, C]"""
    returns: Tensor
    """[N, C] a critic's targets; zeros without one"""


class Policy(Objective):
    """Base of policy gradients. They say what each token is praised for; the clipped surrogate is common to all.

    PPO's surrogate, arXiv:1707.06347 eq. 7, with the bounds of DAPO and the ratios of GSPO and RLOO as options.
    """

    family: ClassVar[str] = "policy"
    default: ClassVar[str] = "ppo"
    kind: ClassVar[Literal["policy", "reward"]] = "policy"
    learning_rate: ClassVar[float] = 1e-6
    reads_greedy: ClassVar[bool] = False
    """Whether a greedy response to every prompt is wanted beside the samples."""
    reads_values: ClassVar[bool] = False
    """Whether a critic learns beside the policy: scores then have `logps` and `values`."""
    least_samples: ClassVar[int] = 1
    """Responses to a prompt that are needed to compare them."""

    kl: float = Field(default=0.05, ge=0)
    """Pull towards the policy as it started, in reward per nat; 0 spares the pass with it."""
    kl_in: Literal["reward", "loss"] = "reward"
    """Where the pull acts: on what tokens are praised for, or as a term of the loss."""
    estimator: Literal["k2", "k3", "ratio_k3", "chi_square"] = "k2"
    """Of the loss's term. k2 and ratio_k3 have the gradient of KL(policy || reference), k3 that of the forward KL.
    `chi_square` is the root of its estimate over whole responses, arXiv:2403.03185; it acts on rewards, too, where all
    others are the log-ratio itself."""
    temperature: float = Field(default=1.0, gt=0)
    """Of the sampling, and so of the probabilities that are learned."""
    clip: float = Field(default=0.2, gt=0)
    """A ratio to the sampling policy below 1 - clip, or above 1 + `clip_high`, earns nothing more."""
    clip_high: float | None = Field(default=None, gt=0)
    """None: as `clip`. DAPO: 0.28."""
    dual_clip: float | None = Field(default=None, gt=1)
    """Most loss of a token, in units of its advantage, where that is below 0; 3 is usual."""
    ratio: Literal["token", "sequence_mean", "sequence_sum"] = "token"
    """Of single tokens, the geometric mean over a response (GSPO), or the product (RLOO)."""
    aggregate: Literal["token_mean", "sequence_mean", "sequence_sum", "constant"] = "token_mean"
    """Over all tokens of a step; over responses of their tokens' mean, or sum; or the sum over `longest` per response,
    so that a long response does not count less (Dr.GRPO)."""
    longest: int = Field(default=512, ge=1)
    """Tokens, of the aggregate `constant`."""
    texts: Path | None = None
    """JSON lines `{"text": ...}` of what the model was trained on before: their likelihood is kept up (PPO-ptx)."""
    texts_weight: float = Field(default=1.0, gt=0)
    """Of their loss per token beside the policy's."""
    texts_per_step: int = Field(default=8, ge=1)
    """In the order of the file, over and over."""

    def scorer(self, model: PreTrainedModel) -> nn.Module:
        """The policy as it samples."""
        return TokenScorer(model, self.temperature)

    def around(
        self, scorer: nn.Module, tokenizer: PreTrainedTokenizerBase, max_length: int, precision: Precision
    ) -> Callable[[int], AbstractContextManager[Any]]:
        """The gradient of the texts, after that of the responses."""
        if self.texts is None:
            return nullcontext
        assert isinstance(scorer, TokenScorer)
        batches = text_batches(self.texts, tokenizer, max_length, self.texts_per_step)
        return partial(beside, TokenScorer(scorer.policy), batches, self.texts_weight, precision)

    @property
    def needs_reference(self) -> bool:
        """Whether the policy as it started is looked at."""
        return self.kl > 0

    def credit(self, rollouts: Rollouts) -> Credit:
        """What each token is praised for: a pure function of detached tensors."""
        return self.praise(self._pulled(rollouts))

    @abstractmethod
    def praise(self, rollouts: Rollouts) -> Credit:
        """The same, of rollouts whose divergence is 0 unless each token is to pay `kl` for it."""

    def _pulled(self, rollouts: Rollouts) -> Rollouts:
        """The rollouts with what the pull takes from their rewards."""
        if self.kl_in == "reward" and self.estimator != "chi_square":
            return rollouts
        rewards = rollouts.rewards
        if self.kl_in == "reward":
            rewards = rewards - self.kl * chi_square_costs(rollouts.divergence.sum(1))
        return rollouts._replace(rewards=rewards, divergence=torch.zeros_like(rollouts.divergence))

    def learns(self, rollout: int) -> bool:  # noqa: ARG002
        """Whether the policy learns from rollout 0, 1, ..., or only a critic."""
        return True

    def units(self, mask: Tensor) -> Tensor:
        """[N] what each response counts in the mean of a step."""
        tokens = mask.sum(1)
        return tokens if self.aggregate == "token_mean" else torch.ones_like(tokens)

    def loss_of(self, scores: Any, batch: Any) -> Step:
        """The objective on token log-probabilities [N, C]."""
        return self.surrogate(scores, batch)

    def surrogate(self, logps: Tensor, batch: RolloutBatch) -> Step:
        """The clipped loss with its pull, and figures of both."""
        mask, advantage = batch.completion_mask, batch.advantage
        old = batch.old if batch.old.shape[1] else logps.detach()
        moved = self._joined((logps - old).where(mask, 0), mask)
        ratio = moved.clamp(-LARGEST_RATIO, LARGEST_RATIO).exp()
        high = self.clip if self.clip_high is None else self.clip_high
        clipped = ratio.clamp(1 - self.clip, 1 + high)
        losses = torch.maximum(-advantage * ratio, -advantage * clipped)
        if self.dual_clip is not None:
            losses = torch.where(advantage < 0, losses.minimum(-self.dual_clip * advantage), losses)
        metrics = {
            "clipped": self.mean(((ratio - clipped).abs() > 0).float(), mask),
            "step_kl": self.mean(ratio - 1 - moved, mask),
        }
        loss = self.mean(losses * batch.learn[:, None], mask)
        if self.kl and self.kl_in == "loss":
            apart = (logps - batch.reference).where(mask, 0)
            if self.estimator == "chi_square":
                pull = root_chi_square(apart.sum(1))
            else:
                pull = self.mean(self._pull(apart, ratio) * batch.learn[:, None], mask)
            loss = loss + self.kl * pull
            metrics["pull"] = pull
        return Step(loss, {name: value.detach() for name, value in metrics.items()})

    def mean(self, values: Tensor, mask: Tensor) -> Tensor:
        """[] the aggregate of [N, C]."""
        kept = values.where(mask, 0)
        match self.aggregate:
            case "token_mean":
                return kept.sum() / mask.sum()
            case "sequence_mean":
                return (kept.sum(1) / mask.sum(1)).mean()
            case "sequence_sum":
                return kept.sum(1).mean()
            case "constant":
                return kept.sum(1).mean() / self.longest

    def _joined(self, moved: Tensor, mask: Tensor) -> Tensor:
        """[N, C] the log-ratio that each token is weighed with, of those of single tokens."""
        if self.ratio == "token":
            return moved
        whole = moved.sum(1, keepdim=True)
        if self.ratio == "sequence_mean":
            whole = whole / mask.sum(1, keepdim=True)
        return whole.expand_as(moved)

    def _pull(self, apart: Tensor, ratio: Tensor) -> Tensor:
        """[N, C] the estimator of the KL, given log(policy / reference)."""
        if self.estimator == "k2":
            return apart.square() / 2
        held = apart.clamp(-LARGEST_RATIO, LARGEST_RATIO)
        k3 = (-held).exp() - 1 + held
        return ratio * k3 if self.estimator == "ratio_k3" else k3


def chi_square(apart: Tensor) -> Tensor:
    """[N] e^L + e^-L - 2, given log(policy / reference) of whole responses [N]: its mean is chi-square.

    Beyond `LINEAR_FROM` each exponential is its tangent there: one response must not drown all others.
    """
    return _tangent_expm1(apart) + _tangent_expm1(-apart)


def root_chi_square(apart: Tensor) -> Tensor:
    """[] the root of the estimate of chi-square, given log(policy / reference) of whole responses [N]."""
    return chi_square(apart).mean().clamp(min=LEAST_CHI_SQUARE).sqrt()


def chi_square_costs(apart: Tensor) -> Tensor:
    """[N] what each response costs, so that praising them for less of it walks down the root of chi-square itself.

    (policy / reference - 1) / root: the slope of chi-square is the mean of 2 * policy / reference * the slope of the
    response's log-probability.
    """
    return _tangent_expm1(apart) / root_chi_square(apart)


def token_rewards(rollouts: Rollouts, kl: float) -> Tensor:
    """[N, C] -kl * log(policy / reference) of each token, and the response's reward on its last one."""
    last = rollouts.mask.sum(1) - 1
    placed = torch.zeros_like(rollouts.divergence).scatter_(1, last[:, None], rollouts.rewards[:, None])
    return placed - kl * rollouts.divergence


def whitened(values: Tensor, mask: Tensor) -> Tensor:
    """[N, C] less their mean, over their deviation (n - 1), both of the mask; 0 beyond it."""
    kept = values[mask]
    spread = kept.var() if len(kept) > 1 else kept.new_ones(())
    return ((values - kept.mean()) * (spread + 1e-8).rsqrt()).where(mask, 0)


def spread_over(values: Tensor, mask: Tensor) -> Tensor:
    """[N, C] each response's value [N] on all of its tokens."""
    return values[:, None].where(mask, 0)


def to_go(rewards: Tensor) -> Tensor:
    """[N, C] the sum of a token's reward and of all after it."""
    return rewards.flip(1).cumsum(1).flip(1)


def _tangent_expm1(apart: Tensor) -> Tensor:
    near = apart.clamp(max=LINEAR_FROM)
    return torch.expm1(near) + near.exp().detach() * (apart - near)


POLICY: Registry[Policy] = Registry(__name__, Policy)
