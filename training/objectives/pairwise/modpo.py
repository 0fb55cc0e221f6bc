"""Multi-objective DPO, arXiv:2310.03708 eq. 10: one run gives the policy for one weighing of several rewards."""

from __future__ import annotations

from typing import Any, ClassVar, Self

import numpy as np
import pyarrow as pa
import torch
from numpy.typing import NDArray
from pydantic import model_validator
from torch import Tensor
from torch.nn.functional import logsigmoid

from schemas.errors import ConfigError, InputError
from training.batches import PairExamples
from training.evaluate.ensemble import Ensemble
from training.evaluate.implicit_reward import Implicit
from training.evaluate.subject import read_subject, rewards_that_fit
from training.objectives import Step
from training.objectives.pairwise import PairLogps, Relative
from training.prepare import PreparedPairs


class MODPO(Relative):
    """DPO for the objective that labelled the pairs, while stored models speak for others.

    What the others add to the policy's reward is known beforehand, and the labels teach the rest. The models score both
    sides once, before training. The version's own margins are not read: they say how far apart the labels hold two
    sides and are never below 0, while a pair teaches most where other objectives disagree with its label.

    Rewards and held-out accuracy are the policy's, of all objectives together: where others outweigh the labels, it
    ranks pairs against them.
    """

    name: ClassVar[str] = "modpo"

    weights: tuple[float, ...] = (1.0,)
    """What each objective counts: first the one of the labels, above 0, then each of `margin_models`. By custom their
    sum is 1. The first divides the gap: 0.1 makes gradients ten times as long."""
    margin_models: tuple[str | Ensemble | Implicit, ...] = ()
    """Reward models (a folder, a name on the hub), ensembles (their settings, or FILE.json) or policies with their
    references, in the unit of a Bradley-Terry reward, which beta assumes. Other scores want an ensemble of one, which
    knows their spread."""

    @model_validator(mode="after")
    def _every_model_has_a_weight(self) -> Self:
        if len(self.weights) != 1 + len(self.margin_models) or self.weights[0] <= 0:
            raise ValueError("weights: give one above 0 for the pairs' own objective, then one for each margin model")
        return self

    def examples(self, part: PreparedPairs) -> PairExamples:
        """The pairs with what the other objectives say of them. Raises ConfigError where no model is named."""
        if not self.margin_models:
            raise ConfigError("modpo needs `margin_models`: stored models of the other objectives; one alone is dpo.")
        pairs, margin = part.examples, torch.tensor(self.margins(part.rows), dtype=torch.float32)
        return PairExamples(pairs.sequences, margin=margin, weight=pairs.weight, soft_label=pairs.soft_label)

    def margins(self, rows: pa.Table) -> NDArray[np.floating[Any]]:
        """[P] sum over the other objectives of weight * (reward of chosen - reward of rejected)."""
        names = (("prompt", "chosen"), ("rejected_prompt", "rejected"))
        sides = [zip(rows.column(a).to_pylist(), rows.column(b).to_pylist(), strict=True) for a, b in names]
        items = [item for side in sides for item in side]
        total = np.zeros(rows.num_rows)
        for weight, model in zip(self.weights[1:], self.margin_models, strict=True):
            rewards = rewards_that_fit(read_subject(model) if isinstance(model, str) else model, items)
            if lost := int(np.isnan(rewards).sum()):
                raise InputError(f"modpo: {model} cannot read {lost} of {len(items)} responses; lower `max_length`.")
            chosen, rejected = rewards.reshape(2, -1)
            total += weight * (chosen - rejected)
        return total

    def costs(self, logps: PairLogps) -> Tensor:
        """[B] -log s((gap - margin) / weights[0]), where the margin is what the other objectives say."""
        return -logsigmoid((self.gap(logps) - logps.margin) / self.weights[0])

    def __call__(self, logps: PairLogps) -> Step:
        """Mean over pairs; `conflict` is the share of those that the others would turn round."""
        step = super().__call__(logps)
        return Step(step.loss, {**step.metrics, "conflict": (logps.margin < 0).float().mean()})
