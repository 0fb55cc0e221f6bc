"""Direct Preference Optimization, arXiv:2305.18290 eq. 7; label smoothing from the cDPO note, eq. 3.

Its kin: margins, ODPO, arXiv:2402.10571; length, R-DPO, arXiv:2403.19159; DPO-Positive, arXiv:2402.13228; the
likelihood of chosen responses, RPO, arXiv:2404.19733.
"""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field
from torch import Tensor
from torch.nn.functional import logsigmoid

from training.objectives.pairwise import PairLogps, Relative


class DPO(Relative):
    """Raises the chosen and lowers the rejected response, relative to the reference."""

    name: ClassVar[str] = "dpo"

    label_smoothing: float = Field(default=0.0, ge=0, lt=0.5)
    """Assumed share of flipped labels (cDPO). 0 is plain DPO; with it the loss is least at a finite gap."""
    gamma: float = Field(default=0.0, ge=0)
    """Ask for a gap of at least gamma times the pair's margin (ODPO)."""
    length_penalty: float = Field(default=0.0, ge=0)
    """Reward that a token is held to have earned by its length alone (R-DPO): longer winners teach less."""
    keep_chosen: float = Field(default=0.0, ge=0)
    """Weight of what the chosen response has lost against the reference (DPO-Positive)."""
    nll: float = Field(default=0.0, ge=0)
    """Weight of the chosen response's negative log-likelihood per token (RPO)."""

    def costs(self, logps: PairLogps) -> Tensor:
        """[B] -(1-e) log s(z) - e log s(-z) - nll * mean log p(chosen), e = `label_smoothing`.

        z = gap - gamma * margin + length_penalty * (n_c - n_r) - beta * keep_chosen * max(0, -log-ratio of chosen).
        """
        longer, lost = logps.n_chosen - logps.n_rejected, (-logps.ratios[0]).relu()
        z = self.gap(logps) - self.gamma * logps.margin + self.length_penalty * longer
        z = z - self.beta * self.keep_chosen * lost
        contrast = -(1 - self.label_smoothing) * logsigmoid(z) - self.label_smoothing * logsigmoid(-z)
        return contrast - self.nll * logps.means[0]
