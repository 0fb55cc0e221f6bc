"""Bradley-Terry rewards, arXiv:2203.02155 eq. 1; margin, arXiv:2307.09288 eq. 2; centring, arXiv:2312.09244 eq. 2."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from training.objectives import Step, soft_log_loss
from training.objectives.reward import PairRewards, Reward


class BradleyTerry(Reward):
    """Logistic loss on the reward difference."""

    name: ClassVar[str] = "bradley_terry"

    use_margin: bool = False
    """Ask for a difference of at least the pair's margin. The margin's unit is then the reward's unit."""
    label_smoothing: float = Field(default=0.0, ge=0, lt=0.5)
    """Assumed share of flipped labels. 0 trusts every label; 0.1 is least at a difference of 2.2."""
    center: float = Field(default=0.0, ge=0)
    """Weight of (chosen + rejected)^2, which pulls the mean reward to 0. Without it only differences have meaning."""

    def __call__(self, rewards: PairRewards) -> Step:
        """Mean of weight * [-q log s(D - m) - (1-q) log s(m - D)] + center * (chosen + rejected)^2."""
        difference = rewards.chosen - rewards.rejected
        gap = difference - rewards.margin if self.use_margin else difference
        loss = rewards.weight * soft_log_loss(gap, rewards.soft_label, self.label_smoothing)
        total = rewards.chosen + rewards.rejected
        if self.center:
            loss = loss + self.center * total.square()
        difference = difference.detach()
        metrics = {
            "accuracy": (difference > 0).float().mean(),
            "margin": difference.mean(),
            "reward": total.detach().mean() / 2,
        }
        return Step(loss.mean(), metrics)
