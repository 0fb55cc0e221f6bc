"""Provably robust DPO, arXiv:2403.00409: the loss of clean labels, without bias, from flipped ones."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field
from torch import Tensor
from torch.nn.functional import logsigmoid

from training.objectives.pairwise import PairLogps, Relative


class Robust(Relative):
    """DPO whose mean over flipped labels is its loss on the true ones. It can fall below 0."""

    name: ClassVar[str] = "robust"

    flip_rate: float = Field(default=0.1, ge=0, lt=0.5)
    """Share of the labels that are known to be wrong."""

    def costs(self, logps: PairLogps) -> Tensor:
        """[B] [-(1-e) log s(gap) + e log s(-gap)] / (1 - 2e), e = `flip_rate`."""
        gap, e = self.gap(logps), self.flip_rate
        return (e * logsigmoid(-gap) - (1 - e) * logsigmoid(gap)) / (1 - 2 * e)
