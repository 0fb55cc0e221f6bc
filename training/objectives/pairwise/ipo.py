"""Identity preference optimization, arXiv:2310.12036 eq. 17."""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor

from training.objectives.pairwise import PairLogps, Relative


class IPO(Relative):
    """Squared distance of the difference of log-ratios from 1 / (2 beta): certain labels do not drive it on for ever.

    The sum over tokens is the paper's equation. `per_token` is the form that TRL has, and asks for 1 / (2 beta) nats of
    every token: with beta 0.1 that cannot be had.
    """

    name: ClassVar[str] = "ipo"

    def costs(self, logps: PairLogps) -> Tensor:
        """[B] (difference of log-ratios - 1 / (2 beta))^2."""
        return ((self.gap(logps) - 0.5) / self.beta).square()
