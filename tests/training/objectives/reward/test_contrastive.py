from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch
from torch import Tensor

from training.batches import PairBatch, SequenceExamples, Sequences
from training.checkpoint import load_reward
from training.loop import silence_dropout
from training.objectives import Step
from training.objectives.reward import PairRewards
from training.objectives.reward.bradley_terry import BradleyTerry
from training.objectives.reward.contrastive import Contrastive, NoisyTwin, TwoViews, told_apart
from training.tokens import Encoded
from training.train import train

REWARDS = torch.tensor([0.7, -1.2, 3.0, 0.2, 0.4, -1.0])
ONES = torch.ones(3)
ALL = torch.ones(6, dtype=torch.bool)
NONE = torch.zeros(0)
ENCODED = [Encoded([1, 4, 9, 12, 5, 8, 2], 5), Encoded([1, 4, 30, 5, 7, 2], 4)]
BATCH = SequenceExamples(Sequences.of(ENCODED, pad=0)).batch(torch.arange(2))


def pairs(weight: Tensor) -> PairBatch:
    one = torch.ones_like(weight)
    treatment = {"margin": 0 * one, "weight": weight, "soft_label": one}
    return PairBatch(**dict.fromkeys(PairBatch.__dataclass_fields__, NONE) | treatment)


def step(objective: Contrastive, pooled: Tensor, again: Tensor, weight: Tensor = ONES) -> Step:
    batch = pairs(weight)
    return objective.loss_of(TwoViews(REWARDS[:, None], pooled, again), batch)


@pytest.mark.parametrize("temperature", [0.05, 1.0])
def test_identical_views_of_orthogonal_states(temperature: float) -> None:
    """log(1 + (N - 1) e^(-1/t))."""
    found = told_apart(torch.eye(6), 3 * torch.eye(6), temperature, ALL)
    assert found.tolist() == pytest.approx([math.log(1 + 5 * math.exp(-1 / temperature))] * 6, abs=1e-6)


def test_states_that_are_all_alike_cannot_be_told_apart() -> None:
    assert told_apart(torch.ones(6, 4), torch.ones(6, 4), 0.05, ALL).tolist() == pytest.approx([math.log(6)] * 6)


def test_what_is_not_heeded_is_no_other_either() -> None:
    heeded = torch.tensor([True, True, False])
    found = told_apart(torch.eye(3), torch.eye(3), 1.0, heeded)
    assert found.tolist() == pytest.approx([math.log(1 + math.exp(-1))] * 2 + [0.0])


def test_strength_zero_is_bradley_terry() -> None:
    plain = BradleyTerry()(PairRewards(*REWARDS.chunk(2), margin=0 * ONES, weight=ONES, soft_label=ONES)).loss
    states = torch.randn(2, 6, 8, generator=torch.Generator().manual_seed(0))
    assert step(Contrastive(strength=0), *states).loss.equal(plain)
    assert step(Contrastive(strength=0.5), *states).loss > plain


def test_a_pair_of_weight_zero_leaves_no_trace_in_the_states() -> None:
    pooled, again = torch.randn(2, 6, 8, generator=torch.Generator().manual_seed(0)).unbind()
    pooled.requires_grad_()
    again.requires_grad_()
    step(Contrastive(), pooled, again, torch.tensor([1.0, 0.0, 1.0])).loss.backward()
    for states in (pooled, again):
        assert states.grad is not None
        assert states.grad.any(1).tolist() == [True, False, True] * 2


def test_differences_are_told_apart_from_their_opposites() -> None:
    """Two pairs with orthogonal differences d, e: cosines of d with d, e, -d, -e are 1, 0, -1, 0."""
    pooled = torch.tensor([[2.0, 0.0], [0.0, 3.0], [1.0, 0.0], [0.0, 1.0]])
    scores = TwoViews(torch.zeros(4, 1), pooled, pooled)
    found = Contrastive(of="differences", temperature=1.0).loss_of(scores, pairs(torch.ones(2))).metrics["contrast"]
    assert found.item() == pytest.approx(math.log(1 + 2 * math.exp(-1) + math.exp(-2)))


def test_only_the_second_view_is_noisy_and_the_noise_is_the_same_again(model_folder: Path) -> None:
    model = load_reward(model_folder).model
    twin = NoisyTwin(model, 0.2)
    silence_dropout(twin.train())
    first, again = twin(BATCH), twin(BATCH)
    assert first.pooled.equal(twin.scorer(BATCH).pooled)
    assert not torch.allclose(first.again, first.pooled, atol=1e-3)
    assert first.again.equal(again.again)
    clean = twin.eval()(BATCH)
    assert clean.again.equal(clean.pooled)


def test_without_noise_the_views_are_one(model_folder: Path) -> None:
    twin = NoisyTwin(load_reward(model_folder).model, 0.0)
    silence_dropout(twin.train())
    found = twin(BATCH)
    assert found.again.equal(found.pooled)


def test_it_trains(version_folder: Path, model_folder: Path, tmp_path: Path) -> None:
    changes = {"epochs": 12, "batch_size": 8, "learning_rate": 3e-3, "max_length": 64}
    seen: list[float] = []

    def report(stage: str, done: int, total: int, metrics: object = None) -> None:
        if stage == "train" and isinstance(metrics, dict):
            seen.append(metrics["contrast"])

    trained = train("contrastive", version_folder, model_folder, tmp_path / "out", changes, report=report)
    assert trained.metrics["test_accuracy"] == 1.0
    assert seen[-1] < seen[0]
