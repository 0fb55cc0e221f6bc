"""Anchored preference optimization, arXiv:2408.06266 eq. 7 and 8."""

from __future__ import annotations

from typing import ClassVar, Literal

from torch import Tensor

from training.objectives.pairwise import PairLogps, Relative


class APO(Relative):
    """Says whether chosen responses are to become more likely, which a contrast alone leaves open."""

    name: ClassVar[str] = "apo"

    anchor: Literal["zero", "down"] = "zero"
    """zero: chosen responses are better than the model's own, and rise. down: they are worse, and fall less."""

    def costs(self, logps: PairLogps) -> Tensor:
        """[B] zero: s(-r_c) + s(r_r). down: s(r_c) + s(r_r - r_c)."""
        chosen, rejected = self.rewards(logps)
        if self.anchor == "zero":
            return (-chosen).sigmoid() + rejected.sigmoid()
        return chosen.sigmoid() + (rejected - chosen).sigmoid()
