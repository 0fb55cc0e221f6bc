"""MetaRM, Secrets of RLHF II, arXiv:2401.06080: rewards that keep telling a shifted policy's responses apart."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import torch
from pydantic import BaseModel, Field
from torch import Tensor, nn
from transformers import PreTrainedTokenizerBase

from schemas.errors import ConfigError, InputError
from training.batches import SequenceBatch, SequenceExamples, Sequences
from training.data import read_records
from training.objectives import Step, soft_log_loss
from training.objectives.reward import PairReward, PairRewards
from training.prepare import pad_of
from training.score import autocast
from training.settings import Precision
from training.tokens import encode


class Sampled(BaseModel):
    """A line of the file of responses. They need no label."""

    prompt: list[Any]
    """messages"""
    responses: list[str] = Field(min_length=2)


class MetaRM(PairReward):
    """Bradley-Terry, its gradient taken a step up the slope along which the policy's responses come to differ more.

    By first order that rewards gradients of pairs that agree with telling the policy's responses apart.
    """

    name: ClassVar[str] = "meta_rm"

    responses: Path | None = None
    """JSON lines `{"prompt": [messages], "responses": [two or more of the policy's]}`."""
    rate: float = Field(default=9e-6, ge=0)
    """Length of the step up, as a learning rate; 0 is Bradley-Terry."""
    prompts: int = Field(default=8, ge=1)
    """Prompts per step, in the order of the file, over and over."""

    def __call__(self, rewards: PairRewards) -> Step:
        """Mean of weight * [-q log s(D) - (1-q) log s(-D)]."""
        loss = soft_log_loss(rewards.chosen - rewards.rejected, rewards.soft_label, 0.0)
        return Step((rewards.weight * loss).mean(), rewards.metrics())

    def around(
        self, scorer: nn.Module, tokenizer: PreTrainedTokenizerBase, max_length: int, precision: Precision
    ) -> Callable[[int], AbstractContextManager[Any]]:
        """The step up before the gradient of the pairs, and the way back."""
        if self.responses is None:
            raise ConfigError("meta_rm needs `responses`: a file of prompts with responses of the policy.")
        batches = self._batches(self.responses, tokenizer, max_length)
        return partial(ascended, scorer, batches, self.rate, precision)

    def _batches(
        self, path: Path, tokenizer: PreTrainedTokenizerBase, max_length: int
    ) -> list[tuple[SequenceBatch, Tensor]]:
        """Batches of `prompts` prompts: N responses, and which prompt each belongs to, [N]."""
        sampled = read_records(path, Sampled)
        if not sampled:
            raise InputError(f"{path} holds no responses.")
        texts = [(one.prompt, response) for one in sampled for response in one.responses]
        encoded = encode(tokenizer, [prompt for prompt, _ in texts], [response for _, response in texts])
        if (longest := max(len(one.ids) for one in encoded)) > max_length:
            raise InputError(f"{path} has a response of {longest} tokens with its prompt; raise `max_length`.")
        examples = SequenceExamples(Sequences.of(encoded, pad_of(tokenizer)))
        counts = torch.tensor([len(one.responses) for one in sampled])
        group = torch.arange(len(sampled)).repeat_interleave(counts)
        rows = torch.arange(len(texts)).split([int(part.sum()) for part in counts.split(self.prompts)])
        return [(examples.batch(part), group[part]) for part in rows]


@contextmanager
def ascended(
    scorer: nn.Module, batches: Sequence[tuple[SequenceBatch, Tensor]], rate: float, precision: Precision, step: int
) -> Iterator[None]:
    """Within: the weights after one step up the separation of the step's batch. After: the weights as they were.

    Neither gradients nor the optimizer's state are touched.
    """
    weights = [weight for weight in scorer.parameters() if weight.requires_grad]
    before = [weight.detach().clone() for weight in weights]
    try:
        _climb(scorer, weights, *batches[(step - 1) % len(batches)], rate, precision)
        yield
    finally:
        with torch.no_grad():
            for weight, was in zip(weights, before, strict=True):
                weight.copy_(was)


def _climb(
    scorer: nn.Module,
    weights: list[nn.Parameter],
    batch: SequenceBatch,
    group: Tensor,
    rate: float,
    precision: Precision,
) -> None:
    """One step of the weights up the separation of a batch."""
    device = weights[0].device
    with autocast(device, precision):
        rewards = scorer(batch.to(device)).rewards[:, 0]
    slopes = torch.autograd.grad(separation(rewards, group.to(device)), weights, materialize_grads=True)
    with torch.no_grad():
        for weight, slope in zip(weights, slopes, strict=True):
            weight.add_(slope, alpha=rate)


def separation(rewards: Tensor, group: Tensor) -> Tensor:
    """[] mean over groups of 2/k^2 * sum over i < j of s(|r_i - r_j|), for rewards [N] of the groups [N], k in each."""
    together = (group[:, None] == group).fill_diagonal_(False)
    size = together.sum(1) + 1
    spread = torch.sigmoid((rewards[:, None] - rewards).abs()) * together / size.square()
    return spread.sum() / group.unique().numel()
