"""What to minimise. One family per shape of input, one file per objective; pure functions of named tensors."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any, ClassVar, Literal, NamedTuple

from torch import Tensor, nn
from torch.nn.functional import logsigmoid
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from schemas.base import Plugin
from training.score import RewardScorer, TokenScorer
from training.settings import Precision


class Step(NamedTuple):
    """Result of an objective on one batch."""

    loss: Tensor
    """[] float32, a mean over pairs (or learned tokens), so that batches can be combined by their size"""
    metrics: Mapping[str, Tensor]
    """name -> [] detached"""


class Objective(Plugin, ABC):
    """Base of every family's base. The class facts say how the loop feeds an objective."""

    family: ClassVar[str]
    default: ClassVar[str]
    """Plugin that the family's name stands for."""
    kind: ClassVar[Literal["policy", "reward"]]
    """What is trained: a language model, or a trunk with a scalar head."""
    learning_rate: ClassVar[float]
    """Used when the settings name none."""
    whole_steps: ClassVar[bool] = False
    """Whether the loss compares the rows of a batch, so that a step is one batch unless the settings say otherwise."""

    def scorer(self, model: PreTrainedModel) -> nn.Module:
        """The model as a function from a batch to what `loss_of` reads."""
        return RewardScorer(model) if self.kind == "reward" else TokenScorer(model)

    def examples(self, part: Any) -> Any:
        """The `Examples` that the loop trains on, made of the prepared rows of the train split."""
        return part.examples

    def around(
        self,
        scorer: nn.Module,  # noqa: ARG002
        tokenizer: PreTrainedTokenizerBase,  # noqa: ARG002
        max_length: int,  # noqa: ARG002
        precision: Precision,  # noqa: ARG002
    ) -> Callable[[int], AbstractContextManager[Any]]:
        """What the gradient of step 1, 2, ... is taken within, where an objective needs more than a loss."""
        return nullcontext

    @abstractmethod
    def loss_of(self, scores: Any, batch: Any) -> Step:
        """The objective on what its kind of scorer makes of a batch."""


def soft_log_loss(gap: Tensor, soft_label: Tensor, label_smoothing: float) -> Tensor:
    """[B] -q log s(gap) - (1-q) log s(-gap), with q the soft label after flipping it with chance `label_smoothing`."""
    q = soft_label * (1 - label_smoothing) + (1 - soft_label) * label_smoothing
    return -q * logsigmoid(gap) - (1 - q) * logsigmoid(-gap)
