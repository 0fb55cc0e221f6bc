"""Make a reward fit to be optimised: transforms of rewards, applied one after another. None of them learns."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from typing import ClassVar, NamedTuple

from torch import Tensor

from schemas.base import Plugin
from schemas.errors import ConfigError, InputError
from schemas.registry import Registry

State = Mapping[str, float]
"""What a transform remembers of earlier batches: plain numbers, so that any checkpoint can hold it."""


class Given(NamedTuple):
    """B responses as a reward model sees them."""

    rewards: Tensor
    """[B]; [B, A] where A attributes are rewarded; [B, S] for the steps of a response, NaN after its last"""
    references: Tensor
    """[B, M] rewards of M responses of the starting policy to the same prompt, by the same model; [B, M, A]"""
    tokens: Tensor
    """[B] tokens of the response"""


class Shaped(NamedTuple):
    """What a transform made of B responses."""

    rewards: Tensor
    """float32"""
    state: State


class Transform(Plugin, ABC):
    """Base of all transforms: a pure function of what is given and of the state, in float32.

    The rewards change on their way through a chain; the references stay as the reward model gave them.
    """

    reads_references: ClassVar[bool] = False
    keeps_scale: ClassVar[bool] = False
    """Whether its result can still be compared with the references."""

    def start(self) -> State:
        """The state before the first batch."""
        return {}

    def __call__(self, given: Given, state: State) -> Shaped:
        """Shaped rewards of one batch, and the state after it. A transform that keeps statistics adds the batch to
        them first, and then uses them.
        """
        if self.reads_references and not given.references.shape[1]:
            raise InputError(f"{self.name} needs reference rewards; score responses of the starting policy.")
        return self.shaped(Given(given.rewards.float(), given.references.float(), given.tokens), state)

    @abstractmethod
    def shaped(self, given: Given, state: State) -> Shaped:
        """The transform of float32 rewards."""


SHAPING: Registry[Transform] = Registry(__name__, Transform)


def chain_of(specs: Iterable[object]) -> tuple[Transform, ...]:
    """Transforms from their names or specs, in the order of use.

    Raises ConfigError where one compares rewards with references that are on another scale by then.
    """
    chain = tuple(SHAPING.build(spec) for spec in specs)
    rescaled: str | None = None
    for transform in chain:
        if transform.reads_references and rescaled:
            raise ConfigError(f"{transform.name} compares with raw reference rewards; name it before {rescaled}.")
        if not transform.keeps_scale:
            rescaled = transform.name
    return chain


def start(chain: Sequence[Transform]) -> tuple[State, ...]:
    """The states of a chain before the first batch."""
    return tuple(transform.start() for transform in chain)


def shape(chain: Sequence[Transform], given: Given, states: Sequence[State]) -> tuple[Tensor, tuple[State, ...]]:
    """Rewards after the whole chain, and the states after this batch."""
    after: list[State] = []
    given = given._replace(rewards=given.rewards.float())
    for transform, state in zip(chain, states, strict=True):
        shaped = transform(given, state)
        given = given._replace(rewards=shaped.rewards)
        after.append(shaped.state)
    return given.rewards, tuple(after)
