"""Kahneman-Tversky optimization, arXiv:2402.01306 eq. 7 and 8: each side of a pair is an example of its own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import torch
from pydantic import Field
from torch import Tensor, nn
from transformers import PreTrainedModel

from training.batches import PairBatch, PairExamples, Sequences
from training.objectives import Step
from training.objectives.pairwise import PairLogps, Pairwise
from training.prepare import PreparedPairs
from training.score import TokenScorer
from training.tokens import Encoded


@dataclass(frozen=True, kw_only=True)
class MismatchedBatch(PairBatch):
    """B pairs, and the same prompts with responses to others."""

    mismatched: PairBatch


class MismatchedExamples:
    """Pairs, each with its prompts followed by the responses of the pair before it."""

    def __init__(self, pairs: PairExamples) -> None:
        treatment = {"margin": pairs.margin, "weight": pairs.weight, "soft_label": pairs.soft_label}
        self.pairs, self.mismatched = pairs, PairExamples(mismatched(pairs.sequences), **treatment)
        self.lengths = pairs.lengths + self.mismatched.lengths
        self.tokens = pairs.tokens + self.mismatched.tokens
        self.units = pairs.units

    def __len__(self) -> int:
        return len(self.pairs)

    def batch(self, rows: Tensor) -> MismatchedBatch:
        """The given pairs with their mismatched ones."""
        return MismatchedBatch(**vars(self.pairs.batch(rows)), mismatched=self.mismatched.batch(rows))


def mismatched(sequences: Sequences) -> Sequences:
    """[2P] each prompt with the response before its own, of the same side; none longer than the longest was."""
    count = len(sequences.lengths)
    ids, cuts, longest = [*sequences.of_rows(torch.arange(count))], sequences.cuts.tolist(), sequences.lengths.max()
    others = torch.cat([side.roll(1) for side in torch.arange(count).chunk(2)]).tolist()
    encoded = [
        Encoded(torch.cat([own[:cut], ids[other][cuts[other] :]])[:longest].tolist(), cut)
        for own, cut, other in zip(ids, cuts, others, strict=True)
    ]
    return Sequences.of(encoded, sequences.pad)


class TwoScores(NamedTuple):
    """Token log-probabilities of a batch of pairs, each [2B, C]."""

    matched: Tensor
    mismatched: Tensor
    """without a gradient"""


class TwoScorer(nn.Module):
    """A token scorer that reads the mismatched pairs of a batch, where it has such."""

    def __init__(self, model: PreTrainedModel) -> None:
        super().__init__()
        self.scorer = TokenScorer(model)

    def forward(self, batch: PairBatch) -> TwoScores | Tensor:
        """Both scores of a MismatchedBatch, and [2B, C] of plain pairs."""
        if not isinstance(batch, MismatchedBatch):
            return self.scorer(batch)
        with torch.no_grad():
            other = self.scorer(batch.mismatched)
        return TwoScores(self.scorer(batch), other)


class KTO(Pairwise):
    """Asks of each response whether it is good, beside how far the policy has gone from the reference altogether.

    How far is the mean log-ratio of responses to other prompts, over a forward pass: a batch of eight or more.
    """

    name: ClassVar[str] = "kto"
    whole_steps: ClassVar[bool] = True

    beta: float = Field(default=0.1, gt=0)
    """Strength of the pull towards the reference, 1/nats."""
    desirable: float = Field(default=1.0, ge=0)
    """Weight of chosen responses."""
    undesirable: float = Field(default=1.0, ge=0)
    """Weight of rejected responses."""

    def scorer(self, model: PreTrainedModel) -> nn.Module:
        """Log-probabilities of pairs and of mismatched ones."""
        return TwoScorer(model)

    def examples(self, part: PreparedPairs) -> MismatchedExamples:
        """The pairs, with mismatched ones."""
        return MismatchedExamples(part.examples)

    def referenced(self, examples: MismatchedExamples) -> tuple[PairExamples, ...]:
        """Matched and mismatched pairs."""
        return examples.pairs, examples.mismatched

    def rewards(self, logps: PairLogps) -> tuple[Tensor, Tensor]:
        """[B] beta * log-ratio of chosen and of rejected responses."""
        chosen, rejected = logps.ratios
        return self.beta * chosen, self.beta * rejected

    def costs(self, logps: PairLogps) -> Tensor:
        """[B] mean over both sides: desirable * s(-r_c), undesirable * s(r_r)."""
        chosen, rejected = self.rewards(logps)
        return (self.desirable * (-chosen).sigmoid() + self.undesirable * rejected.sigmoid()) / 2

    def loss_of(self, scores: TwoScores, batch: MismatchedBatch) -> Step:
        """The objective with rewards counted from beta * z, z = max(0, mean log-ratio of mismatched pairs)."""
        others = PairLogps.of(scores.mismatched, batch.mismatched).ratios
        z = torch.cat(others).mean().clamp(min=0)
        logps = PairLogps.of(scores.matched, batch)
        step = self(logps._replace(ref_chosen=logps.ref_chosen + z, ref_rejected=logps.ref_rejected + z))
        return Step(step.loss, {**step.metrics, "kl": z})
