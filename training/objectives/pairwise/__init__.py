"""Objectives on the log-probabilities of a chosen and a rejected response: they train the policy directly."""

from __future__ import annotations

import math
from abc import abstractmethod
from typing import Any, ClassVar, Literal, NamedTuple

import torch
from pydantic import Field
from torch import Tensor
from torch.nn.functional import logsigmoid

from schemas.registry import Registry
from training.batches import PairBatch, PairExamples
from training.objectives import Objective, Step

LARGEST_EXPONENT = 30.0
"""A log-ratio of a million million. Beyond it a divergence is flat: its square must fit float32."""


class PairLogps(NamedTuple):
    """B pairs; every tensor is [B] float32. Log-probabilities are sums over response tokens with EOS, in nats."""

    chosen: Tensor
    rejected: Tensor
    ref_chosen: Tensor
    ref_rejected: Tensor
    n_chosen: Tensor
    """response tokens with EOS"""
    n_rejected: Tensor
    margin: Tensor
    weight: Tensor
    soft_label: Tensor

    @classmethod
    def of(cls, token_logps: Tensor, batch: PairBatch) -> PairLogps:
        """From token log-probabilities [2B, C], all chosen first."""
        chosen, rejected = token_logps.sum(1).chunk(2)
        ref_chosen, ref_rejected = batch.reference.chunk(2)
        n_chosen, n_rejected = batch.completion_mask.sum(1).to(token_logps.dtype).chunk(2)
        treatment = {"margin": batch.margin, "weight": batch.weight, "soft_label": batch.soft_label}
        return cls(chosen, rejected, ref_chosen, ref_rejected, n_chosen, n_rejected, **treatment)

    def swapped(self) -> PairLogps:
        """The same pairs with their labels turned round."""
        chosen, rejected, ref_chosen, ref_rejected, n_chosen, n_rejected, margin, weight, soft_label = self
        return PairLogps(
            rejected, chosen, ref_rejected, ref_chosen, n_rejected, n_chosen, -margin, weight, 1 - soft_label
        )

    @property
    def ratios(self) -> tuple[Tensor, Tensor]:
        """[B] log-ratios to the reference, of chosen and of rejected responses."""
        return self.chosen - self.ref_chosen, self.rejected - self.ref_rejected

    @property
    def means(self) -> tuple[Tensor, Tensor]:
        """[B] log-probabilities per token, of chosen and of rejected responses."""
        return self.chosen / self.n_chosen, self.rejected / self.n_rejected


class Pairwise(Objective):
    """Base of objectives on pairs of log-probabilities. They say what a pair costs; it heeds weight and soft label."""

    family: ClassVar[str] = "pairwise"
    default: ClassVar[str] = "dpo"
    kind: ClassVar[Literal["policy", "reward"]] = "policy"
    learning_rate: ClassVar[float] = 1e-6
    needs_reference: ClassVar[bool] = True
    """False spares the pass over the data with the frozen reference."""

    def referenced(self, examples: Any) -> tuple[PairExamples, ...]:
        """The pairs among the objective's examples whose reference log-probabilities are wanted."""
        return (examples,)

    @abstractmethod
    def rewards(self, logps: PairLogps) -> tuple[Tensor, Tensor]:
        """[B] implicit rewards of chosen and of rejected responses."""

    @abstractmethod
    def costs(self, logps: PairLogps) -> Tensor:
        """[B] loss of each pair, its label taken for right."""

    def gap(self, logps: PairLogps) -> Tensor:
        """[B] implicit reward of chosen minus that of rejected: above 0 where the policy ranks the pair right."""
        chosen, rejected = self.rewards(logps)
        return chosen - rejected

    def __call__(self, logps: PairLogps) -> Step:
        """Mean of weight * [q * cost + (1-q) * cost of the pair turned round], q = soft label."""
        q = logps.soft_label
        costs = q * self.costs(logps) + (1 - q) * self.costs(logps.swapped())
        chosen, rejected = (reward.detach() for reward in self.rewards(logps))
        metrics = {
            "accuracy": (chosen > rejected).float().mean(),
            "margin": (chosen - rejected).mean(),
            "chosen_reward": chosen.mean(),
            "rejected_reward": rejected.mean(),
            "chosen_logp": logps.chosen.detach().mean(),
        }
        return Step((logps.weight * costs).mean(), metrics)

    def loss_of(self, scores: Any, batch: Any) -> Step:
        """The objective on token log-probabilities [2B, C]."""
        return self(PairLogps.of(scores, batch))

    def gap_of(self, scores: Tensor, batch: PairBatch) -> Tensor:
        """[B] implicit reward differences, for evaluation."""
        return self.gap(PairLogps.of(scores, batch))


class Relative(Pairwise):
    """Base of objectives whose implicit reward is measured from the reference: beta * log(policy / reference).

    Other divergences than the reverse KL: f-DPO, arXiv:2309.16240 eq. 9.
    """

    beta: float = Field(default=0.1, gt=0)
    """Strength of the pull towards the reference, 1/nats. Large: the policy stays near; near 0: it may move freely."""
    divergence: Literal["reverse_kl", "forward_kl", "js", "alpha"] = "reverse_kl"
    """How distance from the reference is measured. All but `reverse_kl` punish lost probability more than gained."""
    alpha: float = Field(default=0.5, gt=0, lt=1)
    """Of the divergence `alpha`: near 1 it is the reverse KL, near 0 the forward KL."""
    per_token: bool = False
    """Divide a response's log-ratio by its tokens. It is then far smaller, and beta wants to be far larger."""

    def rewards(self, logps: PairLogps) -> tuple[Tensor, Tensor]:
        """[B] beta * log-ratio of chosen and of rejected responses."""
        chosen, rejected = (self._slope(ratio) for ratio in logps.ratios)
        if self.per_token:
            chosen, rejected = chosen / logps.n_chosen, rejected / logps.n_rejected
        return self.beta * chosen, self.beta * rejected

    def _slope(self, ratio: Tensor) -> Tensor:
        """[B] f'(policy / reference) given its logarithm, less f'(1)."""
        if self.divergence == "forward_kl":
            return -torch.expm1((-ratio).clamp(max=LARGEST_EXPONENT))
        if self.divergence == "js":
            return math.log(2) + logsigmoid(ratio)
        if self.divergence == "alpha":
            less = self.alpha - 1
            return torch.expm1((less * ratio).clamp(max=LARGEST_EXPONENT)) / less
        return ratio


PAIRWISE: Registry[Pairwise] = Registry(__name__, Pairwise)
