"""Bradley-Terry rewards, arXiv:2203.02155 eq. 1; margin, arXiv:2307.09288 eq. 2; centring, arXiv:2312.09244 eq. 2;
scaling, arXiv:2410.01257; penalty on rewards, arXiv:2502.18770; squared ties, arXiv:2502.10391.
"""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from schemas.datasets import TIE
from training.objectives import Step, soft_log_loss
from training.objectives.reward import PairReward, PairRewards


class BradleyTerry(PairReward):
    """Logistic loss on the reward difference."""

    name: ClassVar[str] = "bradley_terry"

    use_margin: bool = False
    """Ask for a difference of at least the pair's margin. The margin's unit is then the reward's unit."""
    scaled: bool = False
    """Multiply a pair's loss by its margin: one of margin 3 counts as three pairs, one without a margin not at all."""
    label_smoothing: float = Field(default=0.0, ge=0, lt=0.5)
    """Assumed share of flipped labels. 0 trusts every label; 0.1 is least at a difference of 2.2."""
    center: float = Field(default=0.0, ge=0)
    """Weight of (chosen + rejected)^2, which pulls the mean reward to 0. Without it only differences have meaning."""
    shrink: float = Field(default=0.0, ge=0)
    """Weight of chosen^2 + rejected^2, which keeps rewards small: 0.005 in PAR."""
    square_ties: float = Field(default=0.0, ge=0)
    """Weight of (chosen - rejected)^2, which takes the place of the loss on ties (soft label 1/2)."""

    def __call__(self, rewards: PairRewards) -> Step:
        """Mean of weight * (m * [-q log s(D - m) - (1-q) log s(m - D)] + center * (c + r)^2 + shrink * (c^2 + r^2)).

        The factor m is there when `scaled`, the subtracted m when `use_margin`.
        """
        difference, total = rewards.chosen - rewards.rejected, rewards.chosen + rewards.rejected
        gap = difference - rewards.margin if self.use_margin else difference
        loss = soft_log_loss(gap, rewards.soft_label, self.label_smoothing)
        if self.scaled:
            loss = loss * rewards.margin
        if self.square_ties:
            loss = loss.where(rewards.soft_label != TIE, self.square_ties * difference.square())
        if self.center:
            loss = loss + self.center * total.square()
        if self.shrink:
            loss = loss + self.shrink * (rewards.chosen.square() + rewards.rejected.square())
        metrics = rewards.metrics()
        if self.scaled:
            # The loss is a mean over all pairs: where few have a margin, the steps are small.
            metrics["with_margin"] = (rewards.margin > 0).float().mean()
        return Step((rewards.weight * loss).mean(), metrics)
