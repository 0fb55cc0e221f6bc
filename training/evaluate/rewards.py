"""Score responses with a stored reward model."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from accelerate import PartialState
from numpy.typing import NDArray

from training.batches import SequenceExamples
from training.checkpoint import Loaded, load_reward, reward_column
from training.gated import Gated, is_gated, weighed
from training.prepare import sequences_within
from training.score import Progress, RewardScorer, score_all, spread, unseen
from training.settings import Precision
from training.tokens import Messages

Item = tuple[Messages, str]
"""Prompt messages and one response."""


def rewards_of(
    model: Path | str | Loaded | Gated,
    items: Sequence[Item],
    *,
    max_length: int | None = None,
    precision: Precision = "no",
    progress: Progress = unseen,
) -> NDArray[np.float32]:
    """[N] float32 rewards of (prompt, response) items, in their order; NaN for one above `max_length` tokens."""
    if isinstance(model, Gated) or (not isinstance(model, Loaded) and is_gated(model)):
        return weighed(model, items, max_length=max_length, precision=precision, progress=progress).rewards.numpy()
    trunk, tokenizer = model if isinstance(model, Loaded) else load_reward(model)
    sequences, kept = sequences_within(tokenizer, items, max_length)
    scorer = RewardScorer(trunk).to(PartialState().device)
    column = reward_column(trunk)
    examples = SequenceExamples(sequences)
    found = score_all(scorer, examples, lambda scored, _: scored.rewards[:, column], precision, progress)
    return spread(found, kept, len(items)).numpy()
