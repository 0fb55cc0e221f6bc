"""Objectives on the log-probabilities of a chosen and a rejected response: they train the policy directly."""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar, Literal, NamedTuple

from torch import Tensor

from schemas.registry import Registry
from training.batches import PairBatch
from training.objectives import Objective, Step


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


class Pairwise(Objective):
    """Base of objectives on pairs of log-probabilities."""

    family: ClassVar[str] = "pairwise"
    default: ClassVar[str] = "dpo"
    kind: ClassVar[Literal["policy", "reward"]] = "policy"
    learning_rate: ClassVar[float] = 1e-6
    needs_reference: ClassVar[bool] = True
    """False spares the pass over the data with the frozen reference."""

    @abstractmethod
    def __call__(self, logps: PairLogps) -> Step:
        """Loss and metrics of B pairs; the loss is a mean over pairs."""

    @abstractmethod
    def gap(self, logps: PairLogps) -> Tensor:
        """[B] implicit reward of chosen minus that of rejected: above 0 where the policy ranks the pair right."""

    def loss_of(self, scores: Tensor, batch: PairBatch) -> Step:
        """The objective on token log-probabilities [2B, C]."""
        return self(PairLogps.of(scores, batch))

    def gap_of(self, scores: Tensor, batch: PairBatch) -> Tensor:
        """[B] implicit reward differences, for evaluation."""
        return self.gap(PairLogps.of(scores, batch))


PAIRWISE: Registry[Pairwise] = Registry(__name__, Pairwise)
