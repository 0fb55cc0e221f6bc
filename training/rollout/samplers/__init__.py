"""Where responses of a policy come from while it learns. One engine a file; each takes new weights as they come."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import NamedTuple, Protocol

from pydantic import Field

from schemas.base import Plugin, Strict
from schemas.registry import Registry
from training.checkpoint import Loaded


class Sampling(Strict):
    """How a policy is asked."""

    temperature: float = Field(default=1.0, ge=0)
    """0 is greedy. Log-probabilities in training are those of this temperature."""
    max_tokens: int = Field(default=256, ge=1)
    """Of a response with its end token; a longer one is cut off, and learned as it is."""


class Sampled(NamedTuple):
    """One response."""

    ids: list[int]
    """With the end token, where it was sampled."""
    stopped: bool
    """Whether the policy ended it."""
    logps: Sequence[float] = ()
    """Of its tokens, at the temperature of the sampling; none where the engine computes otherwise than the trainer."""


class Sample(Protocol):
    """Responses to prompts of token ids, one for each, in their order. The same seeds and weights give the same."""

    def __call__(self, prompts: Sequence[list[int]], seeds: Sequence[int], sampling: Sampling) -> list[Sampled]: ...


class Engine(NamedTuple):
    """A sampler at work."""

    sample: Sample
    """Only while it is awake."""
    awake: Callable[[], AbstractContextManager[None]]
    """Entered, it has the policy's weights as they are now; left, its memory is the trainer's."""


class Sampler(Plugin, ABC):
    """Base of the engines that sample."""

    @abstractmethod
    def start(self, policy: Loaded, folder: str) -> AbstractContextManager[Engine]:
        """Be ready to sample from `policy`, whose weights as they started lie in `folder`."""


SAMPLERS: Registry[Sampler] = Registry(__name__, Sampler)
