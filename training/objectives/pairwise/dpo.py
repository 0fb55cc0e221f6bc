"""Direct Preference Optimization, arXiv:2305.18290 eq. 7; label smoothing from the cDPO note, eq. 3."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field
from torch import Tensor

from training.objectives import Step, soft_log_loss
from training.objectives.pairwise import PairLogps, Pairwise


class DPO(Pairwise):
    """Raises the chosen and lowers the rejected response, relative to the reference."""

    name: ClassVar[str] = "dpo"

    beta: float = Field(default=0.1, gt=0)
    """Strength of the pull towards the reference, 1/nats. Large: the policy stays near; near 0: it may move freely."""
    label_smoothing: float = Field(default=0.0, ge=0, lt=0.5)
    """Assumed share of flipped labels. 0 is plain DPO; with it the loss is least at a finite gap."""

    def gap(self, logps: PairLogps) -> Tensor:
        """[B] beta * (log-ratio of chosen - log-ratio of rejected)."""
        return self.beta * ((logps.chosen - logps.ref_chosen) - (logps.rejected - logps.ref_rejected))

    def __call__(self, logps: PairLogps) -> Step:
        """Mean of weight * [-q log s(gap) - (1-q) log s(-gap)], q = smoothed soft label."""
        gap = self.gap(logps)
        loss = logps.weight * soft_log_loss(gap, logps.soft_label, self.label_smoothing)
        gap = gap.detach()
        metrics = {
            "accuracy": (gap > 0).float().mean(),
            "margin": gap.mean(),
            "chosen_reward": self.beta * (logps.chosen.detach() - logps.ref_chosen).mean(),
            "rejected_reward": self.beta * (logps.rejected.detach() - logps.ref_rejected).mean(),
            "chosen_logp": logps.chosen.detach().mean(),
        }
        return Step(loss.mean(), metrics)
