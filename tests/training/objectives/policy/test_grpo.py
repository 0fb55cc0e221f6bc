from __future__ import annotations

import pytest
import torch
from hypothesis import given, strategies
from pydantic import ValidationError

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


TWO_PARTS = [[1.0, 0.0, 0.0, 1.0], [10.0, 30.0, 20.0, 40.0]]


@pytest.mark.parametrize(
    ("normalise", "praise"),
    [
        ("sum", [-1.122035, 0.348218, -0.425599, 1.199417]),
        ("parts", [-0.296011, -0.478580, -1.253171, 2.027761]),
        ("parts_then_batch", [-0.209315, -0.338414, -0.886143, 1.433872]),
    ],
)
def test_worked_parts(normalise: str, praise: list[float]) -> None:
    found = Grpo.model_validate({"normalise": normalise}).credit(rollouts([], parts=TWO_PARTS)).advantage[:, 0]
    assert found.tolist() == pytest.approx(praise, abs=2e-5)


@pytest.mark.parametrize("normalise", ["sum", "parts", "parts_then_batch"])
def test_a_part_that_counts_for_all_is_the_reward(normalise: str) -> None:
    """GDPO whitens once more; its deviation of four standardised rewards is 1, but for what is added to it."""
    alone = Grpo().credit(rollouts(TWO_PARTS[1])).advantage
    found = Grpo.model_validate({"normalise": normalise}).credit(rollouts([], parts=TWO_PARTS, weights=[0.0, 1.0]))
    assert torch.allclose(found.advantage, alone, atol=2e-4)


@given(strategies.floats(0.01, 100), strategies.floats(-10, 10))
def test_the_scale_of_a_part_does_not_count_where_parts_are_normalised(scale: float, shift: float) -> None:
    moved = [TWO_PARTS[0], [scale * one + shift for one in TWO_PARTS[1]]]
    for normalise in ("parts", "parts_then_batch"):
        objective = Grpo.model_validate({"normalise": normalise})
        was, now = (objective.credit(rollouts([], parts=one)).advantage for one in (TWO_PARTS, moved))
        assert torch.allclose(was, now, atol=2e-3)


def test_a_small_part_is_drowned_in_a_sum_and_counts_by_its_weight_alone() -> None:
    """Two responses that the small part parts, and the large one holds for alike but for noise."""
    large, small = [900.0, 100.0, 101.0, 500.0], [0.0, 0.001, 0.0, 0.0]
    by_sum, by_part = (
        Grpo.model_validate({"normalise": one}).credit(rollouts([], parts=[large, small])).advantage[:, 0]
        for one in ("sum", "parts")
    )
    assert by_sum[2] > by_sum[1], "the large part alone decides"
    assert by_part[1] > by_part[2] + 1


def test_a_part_said_twice_with_half_its_weight_changes_nothing() -> None:
    objective = Grpo(normalise="parts_then_batch")
    once = objective.credit(rollouts([], parts=TWO_PARTS, weights=[0.3, 0.8])).advantage
    twice = objective.credit(rollouts([], parts=[*TWO_PARTS, TWO_PARTS[1]], weights=[0.3, 0.4, 0.4])).advantage
    assert torch.allclose(once, twice, atol=1e-6)


def test_a_part_that_holds_for_all_alike_praises_nobody() -> None:
    objective = Grpo(normalise="parts")
    with_it = objective.credit(rollouts([], parts=[[3.0] * 4, TWO_PARTS[1]])).advantage
    assert torch.equal(with_it, objective.credit(rollouts([], parts=[TWO_PARTS[1]])).advantage)


def test_the_pull_is_no_part_of_the_reward() -> None:
    with pytest.raises(ValidationError, match="set kl_in=loss"):
        Grpo(normalise="parts", kl_in="reward")
    assert Grpo(normalise="parts", kl_in="reward", kl=0).normalise == "parts"
