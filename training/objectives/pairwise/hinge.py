"""Hinge on the implicit rewards: SLiC's loss on DPO's gap, arXiv:2309.06657 (RSO)."""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor

from training.objectives.pairwise import PairLogps, Relative


class Hinge(Relative):
    """A pair whose gap is 1 or more teaches nothing."""

    name: ClassVar[str] = "hinge"

    def costs(self, logps: PairLogps) -> Tensor:
        """[B] max(0, 1 - gap)."""
        return (1 - self.gap(logps)).relu()
