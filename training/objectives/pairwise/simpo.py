"""Simple preference optimization, arXiv:2405.14734."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field
from torch import Tensor
from torch.nn.functional import logsigmoid

from training.objectives.pairwise import PairLogps, Pairwise


class SimPO(Pairwise):
    """The reward is what generation maximises, the mean log-probability of a token; no reference is read."""

    name: ClassVar[str] = "simpo"
    learning_rate: ClassVar[float] = 6e-7
    needs_reference: ClassVar[bool] = False

    beta: float = Field(default=2.0, gt=0)
    """Scale of the reward; 2 to 2.5, at most 10."""
    gamma_ratio: float = Field(default=0.5, ge=0)
    """Gap to ask for, as a multiple of beta: 0.1 to 0.8."""

    def rewards(self, logps: PairLogps) -> tuple[Tensor, Tensor]:
        """[B] beta * mean log-probability of a token."""
        chosen, rejected = logps.means
        return self.beta * chosen, self.beta * rejected

    def costs(self, logps: PairLogps) -> Tensor:
        """[B] -log s(gap - gamma_ratio * beta)."""
        return -logsigmoid(self.gap(logps) - self.gamma_ratio * self.beta)
