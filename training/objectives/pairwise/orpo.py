"""Odds-ratio preference optimization, arXiv:2403.07691 eq. 6 and 7."""

from __future__ import annotations

from typing import ClassVar

import torch
from pydantic import Field
from torch import Tensor
from torch.nn.functional import logsigmoid

from training.objectives.pairwise import PairLogps, Pairwise

SURE = -1e-6
"""A token's mean log-probability above this has infinite odds in float32."""


class ORPO(Pairwise):
    """Fine-tuning on chosen responses and contrast at once, straight from a base model; no reference is read."""

    name: ClassVar[str] = "orpo"
    learning_rate: ClassVar[float] = 8e-6
    needs_reference: ClassVar[bool] = False

    strength: float = Field(default=0.1, ge=0)
    """Weight of the contrast (lambda); the likelihood has 1."""

    def rewards(self, logps: PairLogps) -> tuple[Tensor, Tensor]:
        """[B] log(p / (1 - p)), p the geometric mean of the tokens' probabilities."""
        chosen, rejected = (mean.clamp(max=SURE) for mean in logps.means)
        return chosen - torch.log(-torch.expm1(chosen)), rejected - torch.log(-torch.expm1(rejected))

    def costs(self, logps: PairLogps) -> Tensor:
        """[B] -mean log p(chosen) - strength * log s(gap)."""
        return -logps.means[0] - self.strength * logsigmoid(self.gap(logps))
