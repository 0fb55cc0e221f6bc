"""What every objective on rewards promises, by existing: on its own examples, through its own scorer."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import pytest
import torch
from accelerate import Accelerator
from torch import Tensor, nn

from tests.training.conftest import FIGURES_OF_A_STEP, pair_row, pair_table
from training.batches import PairExamples
from training.jobs import TrainSettings
from training.loop import accumulate, micro_batches, silence_dropout
from training.objectives import Step
from training.objectives.reward import REWARD, Reward
from training.prepare import prepare_pairs
from training.score import Scored, autocast
from training.train import load

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


VARIANTS: list[dict[str, Any]] = [
    {"name": "bradley_terry", "use_margin": True},
    {"name": "bradley_terry", "scaled": True},
    {"name": "bradley_terry", "label_smoothing": 0.1},
    {"name": "bradley_terry", "center": 0.5},
    {"name": "bradley_terry", "shrink": 0.5},
    {"name": "bradley_terry", "square_ties": 1.0},
    {"name": "ties", "model": "davidson"},
    {"name": "contrastive", "of": "differences"},
]
"""Fields that make another loss of an objective."""


@pytest.fixture(
    params=[*({"name": name} for name in REWARD.classes), *VARIANTS], ids=lambda spec: "-".join(map(str, spec.values()))
)
def objective(request: pytest.FixtureRequest) -> Reward:
    return REWARD.build(request.param)


@pytest.fixture
def case(objective: Reward, model_folder: Path) -> Case:
    return case_of(objective, model_folder, [1.0] * PAIRS)


def case_of(objective: Reward, model_folder: Path, weight: list[float], margin: float = 1.0) -> Case:
    loaded = load(TrainSettings(objective=objective, max_length=64), model_folder)
    # Sides of equal length: an objective that heeds length has nothing to say of them.
    sides = [(f"w{n} good" + " w1" * n, f"w{n} bad" + " w2" * n) for n in range(PAIRS)]
    rows = [pair_row(n, *pair, margin=margin, weight=weight[n]) for n, pair in enumerate(sides)]
    part = prepare_pairs(pair_table(rows), loaded.tokenizer, 64)
    scorer = objective.scorer(loaded.model)
    silence_dropout(scorer.train())
    return Case(objective, part.examples, objective.examples(part), scorer)


def test_chosen_goes_up_and_rejected_down(case: Case) -> None:
    chosen, rejected = case.gradient(torch.zeros(2 * PAIRS))
    assert (chosen < 0).all()
    assert (rejected > 0).all()


def test_a_larger_margin_never_pulls_less(objective: Reward, model_folder: Path) -> None:
    (chosen, rejected), (more_chosen, more_rejected) = (
        case_of(objective, model_folder, [1.0] * PAIRS, margin).gradient(REWARDS) for margin in (1.0, 2.0)
    )
    assert (more_chosen <= chosen + 1e-6).all()
    assert (more_rejected >= rejected - 1e-6).all()


def test_the_gradient_is_the_slope_of_the_loss(case: Case) -> None:
    """Along the gradient itself, and in float32: what is rounded on the way has no slope."""
    gradient = torch.cat(case.gradient(REWARDS))
    step = 0.01 * gradient / gradient.norm()
    ahead, behind = (case.step(REWARDS + sign * step).loss.item() for sign in (1, -1))
    assert (ahead - behind) / 0.02 == pytest.approx(gradient.norm().item(), rel=1e-3)


@pytest.mark.parametrize(("chosen", "rejected"), product((-1e4, 1e4), repeat=2))
def test_extreme_rewards_stay_finite(case: Case, chosen: float, rejected: float) -> None:
    rewards = torch.cat([torch.full((PAIRS,), chosen), torch.full((PAIRS,), rejected)])
    step = case.step(rewards)
    assert all(value.isfinite() for value in (step.loss, *step.metrics.values()))
    assert all(side.isfinite().all() for side in case.gradient(rewards))


def test_a_pair_of_weight_zero_has_no_gradient(objective: Reward, model_folder: Path) -> None:
    for side in case_of(objective, model_folder, [1.0, 0.0, 2.0, 1.0]).gradient(REWARDS):
        assert (side == 0).tolist() == [False, True, False, False]


def test_the_order_of_a_batch_changes_nothing(case: Case) -> None:
    shuffled = case.step(REWARDS, torch.tensor([2, 0, 3, 1]))
    assert shuffled.loss.item() == pytest.approx(case.step(REWARDS).loss.item(), rel=1e-5)


def test_a_step_in_parts_has_the_gradient_of_the_whole(case: Case) -> None:
    """Of objectives that do not ask for whole steps; packed pairs as the loop cuts them, and unlike weights."""
    accelerator = Accelerator(cpu=True)
    every = torch.arange(len(case.examples))
    slopes: list[Tensor] = []
    for tokens in (10**6, 10**6 if case.objective.whole_steps else 1):
        case.scorer.zero_grad()
        parts = micro_batches(accelerator, case.examples, every, tokens)
        assert len(parts) == (1 if tokens > 1 else PAIRS)
        accumulate(accelerator, case.scorer, parts, case.objective.loss_of, "no")
        slopes.append(torch.cat([one.grad.flatten() for one in case.scorer.parameters() if one.grad is not None]))
    assert slopes[0].abs().max() > 1e-4
    assert torch.allclose(slopes[0], slopes[1], rtol=1e-4, atol=1e-6)


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


def test_a_figure_is_of_the_rewards_whatever_else_is_in_the_loss(case: Case) -> None:
    """`methods/data.md` 31.19: one part of a loss was logged under the name of another."""
    metrics = case.step(REWARDS).metrics
    wanted = {"accuracy": 0.5, "margin": 0.325, "reward": 0.0875}
    assert {"accuracy", "margin"} <= metrics.keys()
    for name in wanted.keys() & metrics.keys():
        assert metrics[name].item() == pytest.approx(wanted[name]), name
    assert not metrics.keys() & FIGURES_OF_A_STEP


def test_held_out_pairs_are_measured_by_the_difference_of_their_rewards(case: Case) -> None:
    batch = case.pairs.batch(EVERY)
    scored = Scored(REWARDS[:, None].expand(-1, case.scorer.eval()(batch).rewards.shape[1]), torch.zeros(2 * PAIRS, 1))
    assert case.objective.gap_of(scored, batch).tolist() == pytest.approx([0.2, -0.6, 1.7, 0.0])
