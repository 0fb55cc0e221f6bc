"""Texts whose likelihood is kept up while a policy learns from something else: PPO-ptx, arXiv:2203.02155 eq. 2."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from pydantic import BaseModel
from transformers import PreTrainedTokenizerBase

from schemas.errors import InputError
from training.batches import SequenceBatch, SequenceExamples, Sequences
from training.data import read_records
from training.prepare import pad_of
from training.score import TokenScorer, autocast
from training.settings import Precision
from training.tokens import Encoded


class Text(BaseModel):
    """A line of a file of texts. Other keys are ignored."""

    text: str


def text_batches(path: Path, tokenizer: PreTrainedTokenizerBase, max_length: int, size: int) -> Sequence[SequenceBatch]:
    """Batches of `size` texts in the order of the file, each cut to `max_length` tokens."""
    read: Any = tokenizer([one.text for one in read_records(path, Text)], truncation=True, max_length=max_length)
    encoded = [Encoded(ids, 1) for ids in read["input_ids"] if len(ids) > 1]
    if not encoded:
        raise InputError(f"{path} holds no text of two tokens or more.")
    examples = SequenceExamples(Sequences.of(encoded, pad_of(tokenizer)))
    return [examples.batch(rows) for rows in torch.arange(len(encoded)).split(size)]


@contextmanager
def beside(
    scorer: TokenScorer, batches: Sequence[SequenceBatch], weight: float, precision: Precision, step: int
) -> Iterator[None]:
    """After what is done within, the gradient of `weight` times the mean loss of the tokens of the step's texts."""
    yield
    device = next(scorer.parameters()).device
    batch = batches[(step - 1) % len(batches)].to(device)
    with autocast(device, precision):
        logps = scorer(batch)
    (-weight * logps.sum() / batch.completion_mask.sum()).backward()
