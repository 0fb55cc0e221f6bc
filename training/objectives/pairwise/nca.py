"""Noise contrastive alignment, arXiv:2402.05369 (NCA for pairs)."""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor
from torch.nn.functional import logsigmoid

from training.objectives.pairwise import PairLogps, Relative


class NCA(Relative):
    """Anchors each reward at 0, so that the chosen response does not become less likely along with the rejected one."""

    name: ClassVar[str] = "nca"

    def costs(self, logps: PairLogps) -> Tensor:
        """[B] -log s(r_c) - [log s(-r_c) + log s(-r_r)] / 2."""
        chosen, rejected = self.rewards(logps)
        return -logsigmoid(chosen) - (logsigmoid(-chosen) + logsigmoid(-rejected)) / 2
