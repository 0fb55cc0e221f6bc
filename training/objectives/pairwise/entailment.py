"""Yes or no to a principle, arXiv:2509.21319 (RLBFF): the reward is log p(Yes) - log p(No), one token of one pass."""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor

from training.batches import PairBatch
from training.objectives import Step, soft_log_loss
from training.objectives.pairwise import PairLogps, Pairwise


class Entailment(Pairwise):
    """Binary cross-entropy of the log-odds of one word against another, read from the language model's own head.

    A pair's prompt is the question whether a response meets a principle; its chosen response is the right word and its
    rejected one the other. The words are told apart by their first tokens.
    """

    name: ClassVar[str] = "entailment"
    learning_rate: ClassVar[float] = 9e-6
    needs_reference: ClassVar[bool] = False

    def gap(self, logps: PairLogps) -> Tensor:
        """[B] log-odds of the right word: the softmax's normaliser cancels."""
        return logps.chosen - logps.rejected

    def __call__(self, logps: PairLogps) -> Step:
        """Mean of weight * [-q log s(log-odds) - (1-q) log s(-log-odds)]."""
        gap = self.gap(logps)
        loss = logps.weight * soft_log_loss(gap, logps.soft_label, 0.0)
        gap = gap.detach()
        return Step(loss.mean(), {"accuracy": (gap > 0).float().mean(), "margin": gap.mean()})

    def loss_of(self, scores: Tensor, batch: PairBatch) -> Step:
        """The objective on the first token of each response."""
        return self(PairLogps.of(scores[:, :1], batch))

    def gap_of(self, scores: Tensor, batch: PairBatch) -> Tensor:
        """[B] log-odds of the right word, for evaluation."""
        return self.gap(PairLogps.of(scores[:, :1], batch))
