from __future__ import annotations

import pytest
import torch

from tests.training.objectives.policy.conftest import batch_of, rollouts
from training.objectives.policy.grpo import Grpo
from training.objectives.policy.rloo import Rloo

REWARDS = [1.0, 0.0, 0.0, 0.5]


def test_worked_group() -> None:
    found = Rloo().credit(rollouts(REWARDS)).advantage[:, 0]
    assert found.tolist() == pytest.approx([0.833333, -0.5, -0.5, 0.166667], abs=1e-6)


def test_it_is_dr_grpo_times_g_over_g_less_one() -> None:
    plain = Grpo(deviation="none").credit(rollouts(REWARDS)).advantage
    assert torch.allclose(Rloo().credit(rollouts(REWARDS)).advantage, 4 / 3 * plain, atol=1e-6)


def test_a_response_is_one_action() -> None:
    """Its loss is -A times the product of its tokens' ratios, whatever its length."""
    mask = torch.tensor([[True, True, True], [True, False, False]])
    advantage = torch.tensor([[2.0, 2.0, 2.0], [-1.0, 0.0, 0.0]])
    logps = torch.tensor([[-1.0, -1.0, -1.0], [-1.0, 0.0, 0.0]])
    old = logps - torch.tensor([[0.05, 0.02, 0.03], [0.1, 0.0, 0.0]])
    loss, _ = Rloo(kl=0).loss_of(logps, batch_of(advantage, mask, old=old))
    ratios = torch.tensor([0.1, 0.1]).exp()
    assert loss == pytest.approx(float((-2 * ratios[0] + ratios[1]) / 2))


def test_the_pull_acts_on_the_whole_response() -> None:
    apart = torch.tensor([[0.5, 0.5], [0.0, 0.0]])
    found = Rloo(kl=0.1).credit(rollouts([1.0, 1.0], divergence=apart)).advantage
    assert found[:, 0].tolist() == pytest.approx([-0.1, 0.1])
