"""What a policy trained on pairs says as a reward model, beside one that was trained as such: arXiv:2409.03650."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from accelerate import PartialState
from numpy.typing import ArrayLike, NDArray
from pydantic import Field

from schemas.base import Strict
from training.batches import SequenceExamples
from training.checkpoint import Loaded, load_policy
from training.evaluate.accuracy import PairAccuracy, pair_accuracy
from training.evaluate.intervals import Interval, difference_interval
from training.evaluate.rewards import Item
from training.prepare import sequences_within
from training.score import Precision, Progress, TokenScorer, score_all, spread, unseen
from training.tokens import Messages

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """A labelled comparison of two responses to one prompt."""

    prompt: Messages
    chosen: str
    rejected: str
    prompt_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Generalisation:
    """Two reward models on one set of pairs."""

    explicit: PairAccuracy
    implicit: PairAccuracy
    advantage: Interval
    """accuracy of the explicit less that of the implicit one, ties half, paired"""


def generalisation(
    explicit: Rewards, implicit: Rewards, sets: Mapping[str, Sequence[Pair]]
) -> dict[str, Generalisation]:
    """Both on every named set: the one they were trained on first, then those with other prompts or responses."""
    return {name: _compared(explicit, implicit, pairs) for name, pairs in sets.items()}


def _compared(explicit: Rewards, implicit: Rewards, pairs: Sequence[Pair]) -> Generalisation:
    prompts = [pair.prompt_id for pair in pairs]
    first, second = (_gaps(rewards, pairs) for rewards in (explicit, implicit))
    return Generalisation(
        explicit=pair_accuracy(first, prompts),
        implicit=pair_accuracy(second, prompts),
        advantage=difference_interval((np.sign(first) + 1) / 2, (np.sign(second) + 1) / 2, prompts),
    )


def _gaps(rewards: Rewards, pairs: Sequence[Pair]) -> NDArray[np.float64]:
    """[N] reward of chosen less that of rejected."""
    both: ArrayLike = rewards([(pair.prompt, text) for pair in pairs for text in (pair.chosen, pair.rejected)])
    chosen, rejected = np.asarray(both, dtype=np.float64).reshape(-1, 2).T
    return chosen - rejected
