"""Sequence likelihood calibration from human feedback, SLiC-HF, arXiv:2305.10425, with chosen as the target."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field
from torch import Tensor

from training.objectives.pairwise import PairLogps, Pairwise


class SLiC(Pairwise):
    """The chosen response is to be likelier by `delta` nats; beyond that only its likelihood is learned."""

    name: ClassVar[str] = "slic"
    needs_reference: ClassVar[bool] = False

    delta: float = Field(default=1.0, ge=0)
    """Difference of log-probabilities that is enough, in nats."""
    nll: float = Field(default=0.1, ge=0)
    """Weight of the chosen response's negative log-likelihood per token."""

    def rewards(self, logps: PairLogps) -> tuple[Tensor, Tensor]:
        """[B] log-probability."""
        return logps.chosen, logps.rejected

    def costs(self, logps: PairLogps) -> Tensor:
        """[B] max(0, delta - gap) - nll * mean log p(chosen)."""
        return (self.delta - self.gap(logps)).relu() - self.nll * logps.means[0]
