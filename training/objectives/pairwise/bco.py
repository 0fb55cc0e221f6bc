"""Binary classifier optimization on pairs, arXiv:2404.04656, without its moving reference point."""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor
from torch.nn.functional import logsigmoid

from training.objectives.pairwise import PairLogps, Relative


class BCO(Relative):
    """A classifier of single responses whose logit is the implicit reward: chosen above 0, rejected below."""

    name: ClassVar[str] = "bco"

    def costs(self, logps: PairLogps) -> Tensor:
        """[B] -log s(r_c) - log s(-r_r)."""
        chosen, rejected = self.rewards(logps)
        return -logsigmoid(chosen) - logsigmoid(-rejected)
