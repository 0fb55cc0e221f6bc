"""Terms on the prompt's side, MAPL (arXiv:2505.12845) and response-conditioned models (arXiv:2502.00814)."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from training.objectives import Step, soft_log_loss
from training.objectives.links import Families, LinkedBatch, between
from training.objectives.reward import PairRewards, Reward
from training.prepare import PreparedPairs
from training.score import Scored


class Mapl(Reward):
    """Bradley-Terry on responses to a prompt, on prompts for a response, and on how a prompt's demands shift a pair.

    Of one response under two prompts the chosen prompt is the one that it obeys. Where a version holds the same two
    responses again, under a prompt that goes on where another ends, their difference is to grow with demands that the
    better one meets, and to fall with demands that only the other meets.
    """

    name: ClassVar[str] = "mapl"
    version: ClassVar[str] = "2"

    prompts: float = Field(default=1.0, ge=0)
    """Weight of pairs of one response under two prompts. Use such pairs of better and of worse responses alike."""
    between: float = Field(default=1.0, ge=0)
    """Weight of the terms between a pair and its variants."""

    def examples(self, part: PreparedPairs) -> Families:
        """The pairs, each with its variants."""
        return Families.of(part)

    def loss_of(self, scores: Scored, batch: LinkedBatch) -> Step:
        """Mean over pairs of weight * BT, times `prompts` on pairs of prompts, and `between` times the links' terms."""
        rewards = PairRewards.of(scores, batch)
        gap = rewards.chosen - rewards.rejected
        loss = batch.weight_of(self.prompts) * soft_log_loss(gap, batch.soft_label, 0.0)
        shifts = between(gap, batch)
        return Step(loss.mean() + self.between * shifts, {**rewards.metrics(), "between": shifts.detach()})
