"""One rollout: examples to learn from, figures to report, and a file that a killed run goes on with."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor

from training.batches import SequenceExamples, Sequences
from training.objectives.policy import RolloutBatch, Rollouts

WHERE = ("ids", "starts", "lengths", "cuts")
"""Tensors of a file that say where the tokens of its responses are."""


class RolloutExamples:
    """Sampled responses. What each counts in the mean of a step is the objective's to say."""

    def __init__(self, sequences: Sequences, units: Tensor, parts: Mapping[str, Tensor]) -> None:
        """`parts` are the fields that RolloutBatch has beyond SequenceBatch, [N, C] or [N]."""
        self.responses = SequenceExamples(sequences)
        self.lengths = self.tokens = sequences.lengths
        self.units = units
        self.parts = parts

    def __len__(self) -> int:
        return len(self.lengths)

    def batch(self, rows: Tensor) -> RolloutBatch:
        """The padded batch of the given responses."""
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
        about = {"figures": json.dumps(self.figures), "states": json.dumps(self.states)}
        file.parent.mkdir(parents=True, exist_ok=True)
        draft = file.with_suffix(".draft")
        save_file({name: value.clone().contiguous() for name, value in tensors.items()}, draft, metadata=about)
        draft.replace(file)

    @classmethod
    def read(cls, file: Path, pad: int) -> Rollout | None:
        """What was stored; None where nothing was."""
        if not file.is_file():
            return None
        with safe_open(file, "pt") as stored:
            about = stored.metadata()
        tensors = load_file(file)
        sequences = Sequences(**{name: tensors.pop(name) for name in WHERE}, pad=pad)
        examples = RolloutExamples(sequences, tensors.pop("units"), tensors)
        return cls(examples, json.loads(about["figures"]), json.loads(about["states"]))


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
