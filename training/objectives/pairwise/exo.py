"""Efficient exact optimization, arXiv:2402.00856 eq. 16: the reverse KL where DPO takes the forward one."""

from __future__ import annotations

import math
from typing import ClassVar

from pydantic import Field
from torch import Tensor
from torch.nn.functional import logsigmoid

from training.objectives.pairwise import PairLogps, Relative


class EXO(Relative):
    """KL from the policy's chance that chosen is better to the label's."""

    name: ClassVar[str] = "exo"

    label_smoothing: float = Field(default=0.1, gt=0, lt=0.5)
    """What the label leaves to the rejected response: the loss is 0 where the policy's chance is 1 minus this."""

    def costs(self, logps: PairLogps) -> Tensor:
        """[B] s(gap) [log s(gap) - log(1-e)] + s(-gap) [log s(-gap) - log e], e = `label_smoothing`."""
        gap = self.gap(logps)
        right, wrong = logsigmoid(gap), logsigmoid(-gap)
        e = self.label_smoothing
        return right.exp() * (right - math.log(1 - e)) + wrong.exp() * (wrong - math.log(e))
