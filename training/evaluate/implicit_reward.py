"""What a policy trained on pairs says as a reward model: arXiv:2305.18290."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from accelerate import PartialState
from numpy.typing import NDArray
from pydantic import Field

from schemas.base import Strict
from training.batches import SequenceExamples
from training.checkpoint import Loaded, load_policy
from training.evaluate.rewards import Item
from training.prepare import sequences_within
from training.score import Progress, TokenScorer, score_all, spread, unseen
from training.settings import Precision

Rewards = Callable[[Sequence[Item]], NDArray[np.floating[Any]]]
"""[N] rewards of (prompt, response) items: a reward model, an ensemble, or an implicit reward."""


class Implicit(Strict):
    """A policy as a reward model, by what it has moved away from its reference."""

    policy: str
    """A model folder, or a name on the hub."""
    reference: str
    """The model that the policy's training started from."""
    beta: float = Field(default=0.1, gt=0)
    """The policy's own: it changes no order, but the scale."""

    def rewards_of(
        self,
        items: Sequence[Item],
        *,
        max_length: int | None = None,
        precision: Precision = "no",
        progress: Progress = unseen,
    ) -> NDArray[np.float64]:
        """[N] implicit rewards of (prompt, response) items, NaN above `max_length` tokens."""
        settings = {"beta": self.beta, "max_length": max_length, "precision": precision, "progress": progress}
        return implicit_rewards(self.policy, self.reference, items, **settings)


def implicit_rewards(
    policy: Path | str | Loaded,
    reference: Path | str | Loaded,
    items: Sequence[Item],
    *,
    beta: float = 0.1,
    max_length: int | None = None,
    precision: Precision = "no",
    progress: Progress = unseen,
) -> NDArray[np.float64]:
    """[N] beta * (log p(response) under the policy less that under the reference), sums over its tokens with EOS.

    NaN where prompt and response are more than `max_length` tokens.
    """
    how: dict[str, Any] = {"max_length": max_length, "precision": precision, "progress": progress}
    moved, still = (response_logps(model, items, **how) for model in (policy, reference))
    return beta * (moved - still)


def response_logps(
    model: Path | str | Loaded,
    items: Sequence[Item],
    *,
    max_length: int | None = None,
    precision: Precision = "no",
    progress: Progress = unseen,
) -> NDArray[np.float64]:
    """[N] summed log-probabilities of responses with their end token, in nats; NaN above `max_length` tokens."""
    policy, tokenizer = model if isinstance(model, Loaded) else load_policy(model)
    sequences, kept = sequences_within(tokenizer, items, max_length)
    scorer = TokenScorer(policy).to(PartialState().device)
    found = score_all(scorer, SequenceExamples(sequences), lambda logps, _: logps.sum(1), precision, progress)
    return spread(found, kept, len(items)).numpy().astype(np.float64)
