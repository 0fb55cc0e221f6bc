"""Ties as a third outcome: Rao and Kupper, JASA 62 (1967) 194; Davidson, JASA 65 (1970) 317."""

from __future__ import annotations

import math
from typing import ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor
from torch.nn.functional import logsigmoid

from schemas.datasets import TIE
from training.objectives import Step
from training.objectives.reward import PairReward, PairRewards


class Ties(PairReward):
    """Likelihood of three outcomes. A pair with soft label 1/2 is a tie; other soft labels weigh the two sides."""

    name: ClassVar[str] = "ties"

    model: Literal["rao_kupper", "davidson"] = "rao_kupper"
    """Rao-Kupper: a difference too small to be noticed is a tie. Davidson: ties as likely as the geometric mean."""
    tie_chance: float = Field(default=0.3, gt=0, lt=1)
    """How likely a tie is between responses of equal reward. Near 0 the rest is Bradley-Terry."""

    def __call__(self, rewards: PairRewards) -> Step:
        """Mean of -weight * log P(tie) on ties, -weight * [q log P(chosen) + (1-q) log P(rejected)] elsewhere."""
        chosen, rejected, tie = self.log_chances(rewards.chosen - rewards.rejected)
        decided = rewards.soft_label * chosen + (1 - rewards.soft_label) * rejected
        loss = -decided.where(rewards.soft_label != TIE, tie)
        return Step((rewards.weight * loss).mean(), rewards.metrics())

    def log_chances(self, difference: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Log-probabilities [B] of chosen, rejected and tie, given reward differences D [B].

        Rao-Kupper: s(D - a), s(-D - a) and the rest. Davidson: e^(D/2), e^(-D/2) and v over their sum.
        """
        if self.model == "rao_kupper":
            a = 2 * math.atanh(self.tie_chance)
            chosen, rejected = logsigmoid(difference - a), logsigmoid(-difference - a)
            # 1 - s(D - a) - s(-D - a) as a product: a difference of numbers near 1 would round to 0.
            return chosen, rejected, math.log(math.expm1(2 * a)) + chosen + rejected
        log_v = math.log(2 * self.tie_chance / (1 - self.tie_chance))
        logits = torch.stack([difference / 2, -difference / 2, torch.full_like(difference, log_v)])
        chosen, rejected, tie = logits.log_softmax(0)
        return chosen, rejected, tie
