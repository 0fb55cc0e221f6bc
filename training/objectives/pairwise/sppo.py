"""Self-play preference optimization, arXiv:2405.00675 eq. 4.7, with eta = 1 / beta."""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor

from training.objectives.pairwise import PairLogps, Relative


class SPPO(Relative):
    """Draws each log-ratio to (P - 1/2) / beta, P the chance that the response beats the policy that wrote it.

    A hard label says P = 1 and P = 0. A soft label q says q and 1 - q: the square's mean over both labels has that
    gradient.
    """

    name: ClassVar[str] = "sppo"

    def costs(self, logps: PairLogps) -> Tensor:
        """[B] (log-ratio of chosen - 1 / (2 beta))^2 + (log-ratio of rejected + 1 / (2 beta))^2."""
        chosen, rejected = self.rewards(logps)
        return ((chosen - 0.5) / self.beta).square() + ((rejected + 0.5) / self.beta).square()
