"""DPO with terms on the prompt's side, MAPL (arXiv:2505.12845) and response-conditioned models (arXiv:2502.00814)."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field
from torch import Tensor
from torch.nn.functional import logsigmoid

from training.batches import PairExamples
from training.objectives import Step
from training.objectives.links import Families, LinkedBatch, between
from training.objectives.pairwise import PairLogps, Relative
from training.prepare import PreparedPairs


class MaplDPO(Relative):
    """DPO on responses to a prompt, on prompts for a response, and on how a prompt's demands shift a pair.

    It reads what the reward objective `mapl` reads. An implicit reward is known up to a number of its own for every
    prompt: in a pair of responses, and between such pairs, it cancels; in a pair of two prompts it does not, and so
    those pairs count little.
    """

    name: ClassVar[str] = "mapl_dpo"

    prompts: float = Field(default=0.1, ge=0)
    """Weight of pairs of one response under two prompts. Use such pairs of better and of worse responses alike."""
    between: float = Field(default=1.0, ge=0)
    """Weight of the terms between a pair and its variants."""

    def examples(self, part: PreparedPairs) -> Families:
        """The pairs, each with its variants."""
        return Families.of(part)

    def referenced(self, examples: Families) -> tuple[PairExamples, ...]:
        """The pairs and variants."""
        return (examples.pairs,)

    def costs(self, logps: PairLogps) -> Tensor:
        """[B] -log s(gap)."""
        return -logsigmoid(self.gap(logps))

    def loss_of(self, scores: Tensor, batch: LinkedBatch) -> Step:
        """Mean over pairs of DPO, times `prompts` on pairs of prompts, and `between` times the links' terms."""
        logps = PairLogps.of(scores, batch)
        step = self(logps._replace(weight=batch.weight_of(self.prompts)))
        shifts = between(self.gap(logps), batch)
        return Step(step.loss + self.between * shifts, {**step.metrics, "between": shifts.detach()})
