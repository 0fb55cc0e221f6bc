"""What to minimise. One family per shape of input, one file per objective; pure functions of named tensors."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar, Literal, NamedTuple

from torch import Tensor
from torch.nn.functional import logsigmoid

from schemas.base import Plugin


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

    @abstractmethod
    def loss_of(self, scores: Any, batch: Any) -> Step:
        """The objective on what its kind of scorer makes of a batch."""


def soft_log_loss(gap: Tensor, soft_label: Tensor, label_smoothing: float) -> Tensor:
    """[B] -q log s(gap) - (1-q) log s(-gap), with q the soft label after flipping it with chance `label_smoothing`."""
    q = soft_label * (1 - label_smoothing) + (1 - soft_label) * label_smoothing
    return -q * logsigmoid(gap) - (1 - q) * logsigmoid(-gap)
