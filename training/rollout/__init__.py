"""Sample from a policy while it learns: how often, how much, and what rewards it."""

from __future__ import annotations

from typing import Annotated, NamedTuple

import pyarrow as pa
import torch
from pydantic import BeforeValidator, Field, PlainSerializer
from torch import Tensor

from schemas.base import Plugin, Strict
from schemas.ids import seed_of
from training.checkpoint import Loaded
from training.rollout.rewards import Component
from training.rollout.samplers import SAMPLERS, Sampler
from training.rollout.samplers.transformers import Transformers
from training.settings import JUDGE, RULE
from training.tokens import Messages, encode_prompts

AnySampler = Annotated[Sampler, BeforeValidator(SAMPLERS.build), PlainSerializer(Plugin.spec)]


class RolloutSettings(Strict):
    """What is sampled between steps, and what rewards it."""

    prompts: int = Field(default=16, ge=1)
    """Of the train split, for each rollout; an epoch is all of them once."""
    samples: int = Field(default=4, ge=1)
    """Responses to each."""
    max_tokens: int = Field(default=256, ge=1)
    """Of a response with its end token."""
    passes: int = Field(default=1, ge=1)
    """Times that a rollout is learned from."""
    sampler: AnySampler = Transformers()
    rewards: tuple[Component, ...] = ()
    """Models and judges that reward; their parts are added."""
    cut_off: float = 0.0
    """Taken from the reward of a response that reached `max_tokens`."""
    references: int = Field(default=4, ge=1)
    """Responses of the policy as it started to each prompt, where a transform of a reward compares with them."""
    watch_kl: bool = True
    """Measure the distance from the policy as it started also where the objective does not look at it."""

    @property
    def given(self) -> list[str]:
        """The rules and judges among what rewards, which a flow has to give."""
        return sorted({one.source for one in self.rewards if one.source.startswith((RULE, JUDGE))})


class Prompt(NamedTuple):
    """What is asked."""

    prompt_id: str
    messages: Messages
    ids: list[int]


def prompts_of(pairs: pa.Table, loaded: Loaded, most: int) -> tuple[list[Prompt], int]:
    """The prompts of some pairs, each once, of at most `most` tokens, and how many are longer."""
    rows = {row["prompt_id"]: row["prompt"] for row in pairs.select(["prompt_id", "prompt"]).to_pylist()}
    encoded = encode_prompts(loaded.tokenizer, list(rows.values()))
    found = [Prompt(*one) for one in zip(rows, rows.values(), encoded, strict=True)]
    short = [prompt for prompt in found if len(prompt.ids) <= most]
    return short, len(found) - len(short)


def permutation(count: int, *parts: object) -> Tensor:
    """[count] an order that depends on `parts`."""
    return torch.randperm(count, generator=torch.Generator().manual_seed(seed_of(*parts)))
