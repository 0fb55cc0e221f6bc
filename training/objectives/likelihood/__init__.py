"""Objectives on the log-probabilities of single sequences."""

from __future__ import annotations

from abc import abstractmethod
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
    """Base of objectives on single sequences."""

    family: ClassVar[str] = "likelihood"
    default: ClassVar[str] = "sft"
    kind: ClassVar[Literal["policy", "reward"]] = "policy"
    learning_rate: ClassVar[float] = 2e-5

    @abstractmethod
    def __call__(self, logps: TokenLogps) -> Step:
        """Loss and metrics of N sequences; the loss is a mean over learned tokens."""

    def loss_of(self, scores: Tensor, batch: SequenceBatch) -> Step:
        """The objective on token log-probabilities [N, C]."""
        return self(TokenLogps(scores, batch.completion_mask, batch.weight))


LIKELIHOOD: Registry[Likelihood] = Registry(__name__, Likelihood)
