"""Supervised fine-tuning on chosen responses: maximum likelihood of their tokens."""

from __future__ import annotations

from typing import ClassVar

from training.objectives import Step
from training.objectives.likelihood import Likelihood, TokenLogps


class SFT(Likelihood):
    """Mean negative log-likelihood per response token; prompts are not learned."""

    name: ClassVar[str] = "sft"

    def __call__(self, logps: TokenLogps) -> Step:
        """-sum(weight * logp) / number of tokens: every token of a step counts alike, in long and short responses."""
        count = logps.mask.sum().clamp(min=1)
        plain = -logps.logps.sum() / count
        loss = -(logps.logps.sum(1) * logps.weight).sum() / count
        return Step(loss, {"nll": plain.detach()})
