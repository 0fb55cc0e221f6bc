"""Objectives on the log-probabilities of single sequences."""

from __future__ import annotations

from typing import ClassVar, Literal, NamedTuple

from torch import Tensor

from schemas.registry import Registry
from training.batches import SequenceBatch
from training.objectives import Objective, Step


class TokenLogps(NamedTuple):
    """Log-probabilities of the learned tokens of N sequences."""

    logps: Tensor
    """[N, C] float32; 0 where the mask is false"""
    mask: Tensor
    """[N, C] bool, true on learned tokens"""
    weight: Tensor
    """[N] float32"""


class Likelihood(Objective):
    """Base of objectives on single sequences: likelihood of their tokens. They say which are learned."""

    family: ClassVar[str] = "likelihood"
    default: ClassVar[str] = "sft"
    kind: ClassVar[Literal["policy", "reward"]] = "policy"
    learning_rate: ClassVar[float] = 2e-5

    def __call__(self, logps: TokenLogps) -> Step:
        """-sum(weight * logp) / number of tokens: every token of a step counts alike, in long and short responses."""
        count = logps.mask.sum().clamp(min=1)
        plain = -logps.logps.sum() / count
        loss = -(logps.logps.sum(1) * logps.weight).sum() / count
        return Step(loss, {"nll": plain.detach()})

    def loss_of(self, scores: Tensor, batch: SequenceBatch) -> Step:
        """The objective on token log-probabilities [N, C]."""
        return self(TokenLogps(scores, batch.completion_mask, batch.weight))


LIKELIHOOD: Registry[Likelihood] = Registry(__name__, Likelihood)
