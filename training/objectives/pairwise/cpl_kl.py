"""Contrastive preference learning with a reference, CPL-KL, arXiv:2310.13639."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field
from torch import Tensor
from torch.nn.functional import logsigmoid

from training.objectives.pairwise import PairLogps, Relative


class CPLKL(Relative):
    """Preferences by regret, where the advantage of a response is its implicit reward. With `bias` 1 it is DPO."""

    name: ClassVar[str] = "cpl_kl"

    bias: float = Field(default=0.75, ge=0, le=1)
    """What a rejected response's advantage counts (lambda). Below 1 it pays to make both responses likelier."""

    def costs(self, logps: PairLogps) -> Tensor:
        """[B] -log s(r_c - bias * r_r)."""
        chosen, rejected = self.rewards(logps)
        return -logsigmoid(chosen - self.bias * rejected)
