"""What every objective on rewards promises, by existing: on its own examples, through its own scorer."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from transformers import PreTrainedTokenizerFast

from tests.training.conftest import pair_row, pair_table
from training.batches import PairExamples
from training.checkpoint import load_reward
from training.loop import silence_dropout
from training.objectives import Step
from training.objectives.reward import REWARD, Reward
from training.prepare import prepare_pairs
from training.score import Scored, autocast

PAIRS = 4
EVERY = torch.arange(PAIRS)
REWARDS = torch.tensor([0.3, -0.2, 0.9, 0.0, 0.1, 0.4, -0.8, 0.0])
"""Of all chosen, then of all rejected responses."""


@dataclass
class Case:
    """An objective with PAIRS pairs: batches have all chosen sequences first, then all rejected."""

    objective: Reward
    pairs: PairExamples
    examples: Any
    scorer: nn.Module

    def step(self, rewards: Tensor, order: Tensor = EVERY) -> Step:
        """The objective on the pairs in that order, where the head says `rewards` [2 PAIRS] of them."""
        scores = self.scorer(self.examples.batch(EVERY))
        columns = [rewards, *(torch.zeros_like(rewards),) * (scores.rewards.shape[1] - 1)]
        both = torch.cat([order, order + PAIRS])
        parts = [
            part[both] if len(part) == 2 * PAIRS else part for part in scores._replace(rewards=torch.stack(columns, 1))
        ]
        return self.objective.loss_of(type(scores)(*parts), self.examples.batch(order))

    def gradient(self, rewards: Tensor) -> tuple[Tensor, Tensor]:
        """Of the loss by the rewards of chosen and of rejected responses, each [PAIRS]."""
        leaf = rewards.clone().requires_grad_()
        (found,) = torch.autograd.grad(self.step(leaf).loss, leaf)
        return found[:PAIRS], found[PAIRS:]


@pytest.fixture(params=REWARD.classes)
def case(request: pytest.FixtureRequest, model_folder: Path, tokenizer: PreTrainedTokenizerFast) -> Case:
    objective = REWARD.build(request.param)
    # Sides of equal length: an objective that heeds length has nothing to say of them.
    rows = [pair_row(n, f"w{n} good" + " w1" * n, f"w{n} bad" + " w2" * n, margin=1.0) for n in range(PAIRS)]
    part = prepare_pairs(pair_table(rows), tokenizer, 64)
    scorer = objective.scorer(load_reward(model_folder, outputs=objective.outputs).model)
    silence_dropout(scorer.train())
    return Case(objective, part.examples, objective.examples(part), scorer)


def test_chosen_goes_up_and_rejected_down(case: Case) -> None:
    chosen, rejected = case.gradient(torch.zeros(2 * PAIRS))
    assert (chosen < 0).all()
    assert (rejected > 0).all()


@pytest.mark.parametrize(("chosen", "rejected"), product((-1e4, 1e4), repeat=2))
def test_extreme_rewards_stay_finite(case: Case, chosen: float, rejected: float) -> None:
    rewards = torch.cat([torch.full((PAIRS,), chosen), torch.full((PAIRS,), rejected)])
    step = case.step(rewards)
    assert all(value.isfinite() for value in (step.loss, *step.metrics.values()))
    assert all(side.isfinite().all() for side in case.gradient(rewards))


def test_a_pair_of_weight_zero_has_no_gradient(case: Case) -> None:
    case.examples.weight = torch.tensor([1.0, 0.0, 2.0, 1.0])
    for side in case.gradient(REWARDS):
        assert (side == 0).tolist() == [False, True, False, False]


def test_the_order_of_a_batch_changes_nothing(case: Case) -> None:
    shuffled = case.step(REWARDS, torch.tensor([2, 0, 3, 1]))
    assert shuffled.loss.item() == pytest.approx(case.step(REWARDS).loss.item(), rel=1e-5)


def test_rewards_and_loss_are_float32_under_a_bfloat16_trunk(case: Case) -> None:
    batch = case.examples.batch(EVERY)
    with autocast(torch.device("cpu"), "bf16"):
        scores = case.scorer(batch)
    assert not scores.rewards.equal(case.scorer(batch).rewards)
    assert scores.rewards.dtype == torch.float32
    step = case.objective.loss_of(scores, batch)
    assert {value.dtype for value in (step.loss, *step.metrics.values())} == {torch.float32}


def test_metrics_are_detached_scalars(case: Case) -> None:
    step = case.step(REWARDS.clone().requires_grad_())
    assert step.loss.requires_grad
    assert all(value.shape == () and not value.requires_grad for value in step.metrics.values())


def test_held_out_pairs_are_measured_by_the_difference_of_their_rewards(case: Case) -> None:
    batch = case.pairs.batch(EVERY)
    scored = Scored(REWARDS[:, None].expand(-1, case.scorer.eval()(batch).rewards.shape[1]), torch.zeros(2 * PAIRS, 1))
    assert case.objective.gap_of(scored, batch).tolist() == pytest.approx([0.2, -0.6, 1.7, 0.0])
