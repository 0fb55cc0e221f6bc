"""Contrastive preference optimization, arXiv:2401.08417."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field
from torch import Tensor
from torch.nn.functional import logsigmoid

from training.objectives.pairwise import PairLogps, Pairwise


class CPO(Pairwise):
    """DPO as if the reference held all responses equally likely, with the likelihood of chosen ones in its place."""

    name: ClassVar[str] = "cpo"
    needs_reference: ClassVar[bool] = False

    beta: float = Field(default=0.1, gt=0)
    """Scale of the log-probabilities, 1/nats."""
    nll: float = Field(default=1.0, ge=0)
    """Weight of the chosen response's negative log-likelihood per token."""

    def rewards(self, logps: PairLogps) -> tuple[Tensor, Tensor]:
        """[B] beta * log-probability."""
        return self.beta * logps.chosen, self.beta * logps.rejected

    def costs(self, logps: PairLogps) -> Tensor:
        """[B] -log s(gap) - nll * mean log p(chosen)."""
        return -logsigmoid(self.gap(logps)) - self.nll * logps.means[0]
