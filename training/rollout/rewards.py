"""What a response is worth: models and judges, each shaped by itself, then added."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated

import numpy as np
import torch
from pydantic import BeforeValidator, PlainSerializer
from torch import Tensor

from schemas.base import Plugin, Strict
from schemas.errors import ConfigError, InputError
from schemas.ids import canonical
from training.evaluate.implicit_reward import Rewards
from training.evaluate.rewards import Item
from training.evaluate.subject import opened, read_subject
from training.settings import JUDGE, RULE
from training.shaping import Given, State, Transform, chain_of, shape, start

Chain = Annotated[
    tuple[Transform, ...],
    BeforeValidator(chain_of),
    PlainSerializer(lambda chain: [Plugin.spec(one) for one in chain]),
]


def _written(source: object) -> object:
    """A constraint that every response is to meet may be written as an object."""
    return f"{RULE}{canonical(dict(source))}" if isinstance(source, Mapping) else source


class Component(Strict):
    """One part of the reward."""

    source: Annotated[str, BeforeValidator(_written)]
    """A reward model's folder or hub name, an ensemble's FILE.json, `rule:NAME`, `judge:NAME` of the recipe, or a name
    that the caller gives. `{"rule": "length", "at_most": 50}` is the constraint that every response is to meet."""
    weight: float = 1.0
    """0: it rewards nothing, and is watched: its mean reward is among the figures of every step."""
    shaping: Chain = ()
    """Transforms of this part, one after another, before it is weighed."""


def _opened(source: str) -> Rewards:
    """The rewards of a model. Raises ConfigError where a source is none."""
    if source.startswith((RULE, JUDGE)):
        raise ConfigError(f"{source} rewards where the warehouse is; train with `prefinery`, or give it in `judges`.")
    return opened(read_subject(source))


class Composition:
    """Components with their models in memory."""

    def __init__(self, components: Sequence[Component], judges: Mapping[str, Rewards]) -> None:
        if not components:
            raise ConfigError('Name what rewards: rollout.rewards=[{"source": REWARD_MODEL}].')
        self.components = components
        self.sources = [judges.get(one.source) or _opened(one.source) for one in components]

    @property
    def weights(self) -> Tensor:
        """[K] what each component counts."""
        return torch.tensor([one.weight for one in self.components])

    @property
    def reads_references(self) -> bool:
        """Whether a transform compares with responses of the policy as it started."""
        return any(step.reads_references for one in self.components for step in one.shaping)

    def start(self) -> list[Sequence[State]]:
        """The states before the first batch."""
        return [start(one.shaping) for one in self.components]

    def raw(self, items: Sequence[Item]) -> Tensor:
        """[K, N] what each component says. What it cannot say is the mean of the rest.

        Raises InputError where it says nothing at all.
        """
        return torch.stack([self._said(place, items) for place in range(len(self.sources))])

    def _said(self, place: int, items: Sequence[Item]) -> Tensor:
        found = torch.from_numpy(np.asarray(self.sources[place](items), dtype=np.float32))
        if found.isnan().all():
            raise InputError(f"{self.components[place].source} rewards none of {len(found)} responses; name another.")
        return found.where(~found.isnan(), found.nanmean())

    def shaped(
        self, raw: Tensor, references: Tensor, tokens: Tensor, states: Sequence[Sequence[State]]
    ) -> tuple[Tensor, list[Sequence[State]]]:
        """[K, N] float32 raw rewards [K, N] after their transforms, not weighed, and the transforms' states after it.

        `references` [K, N, M] are those of M reference responses to each prompt.
        """
        given = zip(self.components, raw, references, states, strict=True)
        found = [shape(one.shaping, Given(rewards, known, tokens), state) for one, rewards, known, state in given]
        return torch.stack([rewards for rewards, _ in found]), [state for _, state in found]

    def figures(self, raw: Tensor) -> dict[str, float]:
        """The mean reward of raw ones [K, N], weighed and not shaped, and of each component where there are several."""
        means = raw.mean(1).tolist()
        each = {f"reward_{place}": mean for place, mean in enumerate(means)} if len(means) > 1 else {}
        return {"reward": float(self.weights @ raw.mean(1)), **each}
