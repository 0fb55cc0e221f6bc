"""One rollout: examples to learn from, figures to report, and a file that a killed run goes on with."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import safe_open
from safetensors.torch import load_file
from torch import Tensor

from training.batches import GroupExamples, Sequences
from training.checkpoint import write_tensors
from training.objectives.policy import RolloutBatch, Rollouts

WHERE = ("ids", "starts", "lengths", "cuts")
"""Tensors of a file that say where the tokens of its responses are."""


class RolloutExamples:
    """Sampled responses. What each counts in the mean of a step is the objective's to say."""

    def __init__(self, responses: GroupExamples, units: Tensor, parts: Mapping[str, Tensor]) -> None:
        """`parts` are the fields that RolloutBatch has beyond PackedBatch, [N, C] or [N]."""
        self.responses = responses
        self.lengths, self.tokens = responses.lengths, responses.tokens
        self.units = units
        self.parts = parts

    def __len__(self) -> int:
        return len(self.lengths)

    def batch(self, rows: Tensor) -> RolloutBatch:
        """The given responses in one row, each prompt once."""
        batch = self.responses.batch(rows)
        most = batch.completion_mask.shape[1]
        parts = {name: part[rows, :most] if part.dim() > 1 else part[rows] for name, part in self.parts.items()}
        return RolloutBatch(**vars(batch), **parts)


@dataclass(frozen=True, slots=True)
class Rollout:
    """N = P * G responses with their rewards and credit, ready to be learned."""

    examples: RolloutExamples
    figures: Mapping[str, float]
    """Of the whole rollout"""
    states: list[Any]
    """Of every reward component's transforms, after it"""

    def write(self, file: Path) -> None:
        """Store it, whole or not at all."""
        sequences = self.examples.responses.sequences
        tensors = {name: getattr(sequences, name) for name in WHERE}
        tensors |= {"units": self.examples.units, **self.examples.parts}
        about = {"samples": self.examples.responses.samples, "figures": self.figures, "states": self.states}
        write_tensors(file, tensors, {name: json.dumps(value) for name, value in about.items()})

    @classmethod
    def read(cls, file: Path, pad: int) -> Rollout | None:
        """What was stored; None where nothing was."""
        if not file.is_file():
            return None
        with safe_open(file, "pt") as stored:
            about = {name: json.loads(value) for name, value in stored.metadata().items()}
        tensors = load_file(file)
        sequences = Sequences(**{name: tensors.pop(name) for name in WHERE}, pad=pad)
        examples = RolloutExamples(GroupExamples(sequences, about["samples"]), tensors.pop("units"), tensors)
        return cls(examples, about["figures"], about["states"])


def figures_of(given: Rollouts, stopped: Tensor) -> dict[str, float]:
    """Rewards, lengths and ends of a rollout. `equal_groups` teach nothing: all responses to a prompt earn the same."""
    groups, tokens = given.grouped(given.rewards), given.mask.sum(1)
    return {
        "shaped_reward": float(groups.mean()),
        "reward_deviation": float(groups.std(1, correction=min(1, given.samples - 1)).mean()),
        "equal_groups": float((groups.amax(1) == groups.amin(1)).float().mean()),
        "length": float(tokens.float().mean()),
        "stopped": float(stopped.float().mean()),
    }


def estimates(divergence: Tensor, mask: Tensor) -> dict[str, Tensor]:
    """[N] each: the KL of responses from the start, in nats, by three estimators, of log(policy / reference) [N, C].

    http://joschu.net/blog/kl-approx.html: k1 = u, k2 = u^2 / 2, k3 = e^-u - 1 + u of single tokens, with u the
    log-ratio; each is summed over a response.
    """
    each = {"kl": divergence, "kl_k2": divergence.square() / 2, "kl_k3": (-divergence).exp() - 1 + divergence}
    return {name: values.where(mask, 0).sum(1) for name, values in each.items()}


def distances(old: Tensor, divergence: Tensor, mask: Tensor) -> dict[str, float]:
    """Entropy of the sampling policy in nats per token, and its KL from the start in nats per response."""
    sums = {name: float(each.mean()) for name, each in estimates(divergence, mask).items()}
    return {"entropy": float(-old[mask].mean()), **sums}


def explained(returns: Tensor, values: Tensor) -> float:
    """The share of the variance of returns [T] that a critic's values [T] explain."""
    return float(1 - (returns - values).var() / returns.var().clamp(min=1e-8))
