from __future__ import annotations

import pytest
import torch

from tests.training.objectives.policy.conftest import rollouts
from training.objectives.policy.grpo import Grpo

REWARDS = [1.0, 0.0, 0.0, 0.5]


@pytest.mark.parametrize(
    ("deviation", "praise"),
    [("group", [1.30531, -0.783186, -0.783186, 0.261062]), ("none", [0.625, -0.375, -0.375, 0.125])],
)
def test_worked_group(deviation: str, praise: list[float]) -> None:
    found = Grpo.model_validate({"deviation": deviation}).credit(rollouts(REWARDS, [1, 2, 3, 2])).advantage
    assert found[:, 0].tolist() == pytest.approx(praise, abs=1e-5)
    assert found[2].tolist() == pytest.approx([praise[2]] * 3, abs=1e-5)
    assert found[0, 1:].tolist() == [0, 0]


def test_a_group_knows_nothing_of_another() -> None:
    both = Grpo().credit(rollouts([*REWARDS, 10.0, 30.0, 20.0, 40.0], samples=4)).advantage
    alone = Grpo().credit(rollouts([10.0, 30.0, 20.0, 40.0])).advantage
    assert torch.equal(both[4:], alone)
    assert alone[:, 0].tolist() == pytest.approx([-1.161886, 0.387295, -0.387295, 1.161886], abs=1e-5)


def test_the_scale_of_rewards_does_not_count() -> None:
    once, more = (Grpo().credit(rollouts([scale * one for one in REWARDS])).advantage for scale in (1, 1000))
    assert torch.allclose(once, more, atol=1e-3)


def test_the_deviation_of_all_keeps_groups_apart() -> None:
    found = Grpo(deviation="batch").credit(rollouts([0.0, 1.0, 0.0, 10.0], samples=2)).advantage[:, 0]
    assert found[3] / found[1] == pytest.approx(10)
    assert found[1] == pytest.approx(0.5 / (torch.tensor([0.0, 1, 0, 10]).std() + 1e-4))


def test_the_pull_may_act_on_the_reward() -> None:
    apart = torch.tensor([[1.0, 1.0], [0.0, 0.0]])
    found = Grpo(kl=0.1, kl_in="reward", deviation="none").credit(rollouts([1.0, 1.0], divergence=apart)).advantage
    assert found[:, 0].tolist() == pytest.approx([-0.1, 0.1])
