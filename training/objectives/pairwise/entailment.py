"""Yes or no to a principle, arXiv:2509.21319 (RLBFF): the reward is log p(Yes) - log p(No), one token of one pass."""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor
from torch.nn.functional import logsigmoid

from training.batches import PairBatch
from training.objectives import Step
from training.objectives.pairwise import PairLogps, Pairwise


class Entailment(Pairwise):
    """Binary cross-entropy of the log-odds of one word against another, read from the language model's own head.

    A pair's prompt is the question whether a response meets a principle; its chosen response is the right word and its
    rejected one the other. The words are told apart by their first tokens.
    """

    name: ClassVar[str] = "entailment"
    learning_rate: ClassVar[float] = 9e-6
    needs_reference: ClassVar[bool] = False

    def rewards(self, logps: PairLogps) -> tuple[Tensor, Tensor]:
        """[B] log-probabilities of the words: in their difference, the log-odds, the softmax's normaliser cancels."""
        return logps.chosen, logps.rejected

    def costs(self, logps: PairLogps) -> Tensor:
        """[B] -log s(log-odds of the right word)."""
        return -logsigmoid(self.gap(logps))

    def loss_of(self, scores: Tensor, batch: PairBatch) -> Step:
        """The objective on the first token of each response."""
        return self(PairLogps.of(scores[:, :1], batch))

    def gap_of(self, scores: Tensor, batch: PairBatch) -> Tensor:
        """[B] log-odds of the right word, for evaluation."""
        return self.gap(PairLogps.of(scores[:, :1], batch))
