"""Rewards of a model that answers yes or no: arXiv:2509.21319."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from accelerate import PartialState
from numpy.typing import NDArray
from torch import Tensor

from schemas.errors import ModelError
from training.batches import PairBatch, PairExamples, Sequences
from training.checkpoint import Loaded, load_policy
from training.prepare import pad_of
from training.score import TokenScorer, score_all
from training.settings import Precision
from training.tokens import Messages, encode


def log_odds(
    model: Path | str | Loaded,
    questions: Sequence[Messages],
    *,
    yes: str = "Yes",
    no: str = "No",
    precision: Precision = "no",
) -> NDArray[np.float32]:
    """[N] log p(yes) - log p(no) as answers to the questions. Both words must be one token of the model.

    How readily a model says yes differs by principle: compare answers under one principle.
    """
    policy, tokenizer = model if isinstance(model, Loaded) else load_policy(model)
    if not questions:
        return np.zeros(0, dtype=np.float32)
    both = [encode(tokenizer, questions, [word] * len(questions)) for word in (yes, no)]
    for word, answers in zip((yes, no), both, strict=True):
        if len(answers[0].ids) - answers[0].cut != 2:  # the word and the end token
            raise ModelError(f"The model's tokenizer cuts {word!r} in pieces; name a word that is one token.")
    one = torch.ones(len(questions))
    pairs = PairExamples(Sequences.of(both[0] + both[1], pad_of(tokenizer)), margin=0 * one, weight=one, soft_label=one)
    return score_all(TokenScorer(policy).to(PartialState().device), pairs, _of_first_tokens, precision).numpy()


def _of_first_tokens(logps: Tensor, _: PairBatch) -> Tensor:
    """[N] of one word less the other, from token log-probabilities [2N, 2]: what `entailment` trains."""
    yes, no = logps[:, 0].chunk(2)
    return yes - no
