"""A reward made of several: ArmoRM, arXiv:2406.12845.

The outputs of the head are attributes. A gate that sees the prompt alone says what each of them counts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import torch
from accelerate import PartialState
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from schemas.errors import ModelError
from training.batches import SequenceExamples, Sequences
from training.checkpoint import GATE, Loaded, load_reward, output_names, resolve, stored_outputs
from training.prepare import sequences_within
from training.score import Progress, RewardScorer, score_all, spread, unseen
from training.settings import Precision
from training.tokens import Messages

TEMPERATURE = 10.0
"""Of the gate's softmax."""

LAYERS = 3


class Gate(nn.Module):
    """Rewards of K attributes to one reward: freed of verbosity, then weighed as the prompt asks."""

    def __init__(self, hidden: int, attributes: int, width: int) -> None:
        super().__init__()
        sizes = [hidden, *[width] * LAYERS]
        layers = [nn.Sequential(nn.Linear(a, b), nn.ReLU()) for a, b in pairwise(sizes)]
        self.network = nn.Sequential(*layers, nn.Linear(width, attributes))
        self.scale = nn.Parameter(torch.ones(()))
        self.debias: Tensor
        self.register_buffer("debias", torch.eye(attributes))

    def weights(self, prompts: Tensor) -> Tensor:
        """[N, K] what every attribute counts, given the states of prompts [N, H]; a row sums to the scale."""
        return (self.network(prompts) / TEMPERATURE).softmax(1) * self.scale

    def forward(self, attributes: Tensor, prompts: Tensor) -> Tensor:
        """[N] rewards, of attributes [N, K] and the states of their prompts [N, H]."""
        return (self.weights(prompts) * (attributes @ self.debias)).sum(1)


class Gated(NamedTuple):
    """A model whose head gives attributes, and the gate behind it."""

    loaded: Loaded
    gate: Gate

    @property
    def attributes(self) -> tuple[str, ...]:
        """Names of the attributes."""
        return output_names(self.loaded.model)


class Weighed(NamedTuple):
    """N rewards, and what they are made of."""

    rewards: Tensor
    """[N] float32"""
    attributes: Tensor
    """[N, K] as the head gives them"""
    weights: Tensor
    """[N, K]"""


def is_gated(path: Path | str) -> bool:
    """Whether a gate stands behind the model's head."""
    return (resolve(path) / GATE).is_file()


def load_gated(path: Path | str) -> Gated:
    """A stored model with its gate."""
    folder = resolve(path)
    loaded = load_reward(folder, outputs=stored_outputs(folder))
    try:
        tensors = load_file(folder / GATE)
        width, hidden = tensors["network.0.0.weight"].shape
        gate = Gate(hidden, len(tensors["debias"]), width)
        gate.load_state_dict(tensors)
    except (OSError, SafetensorError, KeyError, RuntimeError, ValueError) as error:
        raise ModelError(f"{folder / GATE} cannot be read as a gate: {str(error).splitlines()[0]}") from error
    return Gated(loaded, gate)


def weighed(
    model: Path | str | Gated,
    items: Sequence[tuple[Messages, str]],
    *,
    max_length: int | None = None,
    precision: Precision = "no",
    progress: Progress = unseen,
) -> Weighed:
    """Rewards of (prompt, response) items, with the attributes and the weights they are made of.

    All are NaN where an item is longer than `max_length` tokens.
    """
    gated = model if isinstance(model, Gated) else load_gated(model)
    trunk, tokenizer = gated.loaded
    sequences, kept = sequences_within(tokenizer, items, max_length)
    if not kept:
        nothing = torch.full((len(items), len(gated.attributes)), torch.nan)
        return Weighed(nothing.sum(1), nothing, nothing)
    scorer = RewardScorer(trunk).to(PartialState().device)
    attributes = score_all(scorer, SequenceExamples(sequences), lambda one, _: one.rewards, precision, progress)
    prompts = prompt_states(scorer, sequences, precision)
    with torch.no_grad():
        found = Weighed(gated.gate(attributes, prompts), attributes, gated.gate.weights(prompts))
    return Weighed(*(spread(part, kept, len(items)) for part in found))


def prompt_states(scorer: nn.Module, sequences: Sequences, precision: Precision) -> Tensor:
    """[N, H] the trunk's state where each prompt ends: no token of a response has been read."""
    prompts = SequenceExamples(replace(sequences, lengths=sequences.cuts))
    return score_all(scorer, prompts, lambda one, _: one.pooled, precision)
