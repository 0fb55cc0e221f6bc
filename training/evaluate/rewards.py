"""Score responses with a stored reward model."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from accelerate import PartialState
from numpy.typing import NDArray

from training.batches import SequenceExamples, Sequences
from training.checkpoint import Loaded, load_reward, reward_column
from training.gated import Gated, is_gated, weighed
from training.prepare import pad_of
from training.score import Precision, Progress, RewardScorer, score_all, unseen
from training.tokens import Messages, encode

Item = tuple[Messages, str]
"""Prompt messages and one response."""


def rewards_of(
    model: Path | str | Loaded | Gated,
    items: Sequence[Item],
    *,
    precision: Precision = "no",
    progress: Progress = unseen,
) -> NDArray[np.float32]:
    """[N] float32 rewards of (prompt, response) items, in their order."""
    if not items:
        return np.zeros(0, dtype=np.float32)
    if isinstance(model, Gated) or (not isinstance(model, Loaded) and is_gated(model)):
        return weighed(model, items, precision=precision, progress=progress).rewards.numpy()
    trunk, tokenizer = model if isinstance(model, Loaded) else load_reward(model)
    encoded = encode(tokenizer, [prompt for prompt, _ in items], [response for _, response in items])
    examples = SequenceExamples(Sequences.of(encoded, pad_of(tokenizer)))
    scorer = RewardScorer(trunk).to(PartialState().device)
    column = reward_column(trunk)
    found: torch.Tensor = score_all(scorer, examples, lambda scored, _: scored.rewards[:, column], precision, progress)
    return found.numpy()
