"""The loss that a language model discovered, DiscoPOP, arXiv:2406.08414 eq. 5."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field
from torch import Tensor
from torch.nn.functional import logsigmoid

from training.objectives.pairwise import PairLogps, Relative


class DiscoPOP(Relative):
    """DPO on pairs that are ranked wrong, an exponential on pairs that are ranked right.

    It has a valley: with tau 0.05 it climbs between gaps of -0.12 and 0.07, and so a pair that the policy holds equal,
    as all are at the start, is first ranked a little wrong.
    """

    name: ClassVar[str] = "discopop"

    tau: float = Field(default=0.05, gt=0, lt=1)
    """Width, in gaps, of the passage from one to the other."""

    def costs(self, logps: PairLogps) -> Tensor:
        """[B] s(-gap / tau) * -log s(gap) + s(gap / tau) * exp(-gap)."""
        gap = self.gap(logps)
        # One exponent: exp(-gap) alone overflows where s(gap / tau) is 0.
        ranked_right = (logsigmoid(gap / self.tau) - gap).exp()
        return (-gap / self.tau).sigmoid() * -logsigmoid(gap) + ranked_right
