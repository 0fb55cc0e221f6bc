"""Contrastive preference learning, arXiv:2310.13639 eq. 5 and 6, for text: a segment is a response, undiscounted."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field
from torch import Tensor
from torch.nn.functional import logsigmoid

from training.objectives.pairwise import PairLogps, Pairwise


class CPL(Pairwise):
    """Preferences by regret: the advantage of a response is alpha * its log-probability; no reference is read.

    With `bias` below 1 the rejected response counts less, so that what is likely is preferred to what was never seen.
    The advantages are sums: between responses of unlike lengths prefer `cpl_kl`.
    """

    name: ClassVar[str] = "cpl"
    needs_reference: ClassVar[bool] = False

    alpha: float = Field(default=0.1, gt=0)
    """Scale of the log-probabilities, 1/nats."""
    bias: float = Field(default=0.5, ge=0, le=1)
    """What a rejected response's advantage counts (lambda). 1 is a plain contrast, 0 likelihood of the chosen alone."""
    nll: float = Field(default=0.0, ge=0)
    """Weight of the chosen response's negative log-likelihood per token (CPL-BC)."""

    def rewards(self, logps: PairLogps) -> tuple[Tensor, Tensor]:
        """[B] alpha * log-probability."""
        return self.alpha * logps.chosen, self.alpha * logps.rejected

    def costs(self, logps: PairLogps) -> Tensor:
        """[B] -log s(r_c - bias * r_r) - nll * mean log p(chosen)."""
        chosen, rejected = self.rewards(logps)
        return -logsigmoid(chosen - self.bias * rejected) - self.nll * logps.means[0]
