from __future__ import annotations

import pytest
import torch
from hypothesis import given, strategies

from tests.training.objectives.policy.conftest import batch_of, rollouts
from training.objectives.policy import whitened
from training.objectives.policy.ppo import Judged, Ppo, advantages

REWARDS = torch.tensor([[-0.1, 0.05, -0.02, 1.0]])
VALUES = torch.tensor([[0.3, 0.4, 0.5, 0.7]])


def test_worked_advantages() -> None:
    found = advantages(REWARDS, VALUES, 1.0, 0.95)
    assert found[0].tolist() == pytest.approx([0.5621625, 0.59175, 0.465, 0.3])
    assert (found + VALUES)[0].tolist() == pytest.approx([0.8621625, 0.99175, 0.965, 1.0])
    white = whitened(found, torch.ones(1, 4, dtype=torch.bool))
    assert white[0].tolist() == pytest.approx([0.626958, 0.851986, -0.112015, -1.366929], abs=1e-5)


def test_ends_of_the_trace() -> None:
    """1: all rewards to come less the value; 0: the surprise of one token."""
    later = REWARDS.flip(1).cumsum(1).flip(1)
    assert torch.allclose(advantages(REWARDS, VALUES, 1.0, 1.0), later - VALUES)
    ahead = torch.cat([VALUES[:, 1:], torch.zeros(1, 1)], 1)
    assert torch.allclose(advantages(REWARDS, VALUES, 1.0, 0.0), REWARDS + ahead - VALUES)


def test_a_critic_that_knows_leaves_nothing_to_praise() -> None:
    values = torch.full((2, 3), 2.0)
    credit = Ppo(kl=0, whiten=False).credit(rollouts([2.0, 2.0], [2, 3], values=values))
    assert credit.advantage.abs().max() == pytest.approx(0, abs=1e-6)
    assert credit.returns[1].tolist() == [2.0, 2.0, 2.0]


def test_padding_changes_nothing() -> None:
    values = torch.tensor([[0.3, 0.4, 0.5, 0.7], [9.0, 9.0, 9.0, 9.0]])
    apart = torch.randn(2, 4)
    short = Ppo(whiten=False).credit(rollouts([1.0], [2], divergence=apart[:1, :2], values=values[:1, :2]))
    wide = Ppo(whiten=False).credit(rollouts([1.0, 5.0], [2, 4], divergence=apart, values=values))
    assert torch.allclose(wide.advantage[0, :2], short.advantage[0])
    assert torch.allclose(wide.returns[0, :2], short.returns[0])
    assert wide.advantage[0, 2:].tolist() == [0, 0]


@pytest.mark.parametrize(
    ("advantage", "ratio", "loss"), [(1.0, 1.5, -1.2), (1.0, 0.5, -0.5), (-1.0, 1.5, 1.5), (-1.0, 0.5, 0.8)]
)
def test_worked_clipping(advantage: float, ratio: float, loss: float) -> None:
    logps = torch.tensor([[ratio]]).log()
    batch = batch_of(torch.tensor([[advantage]]), old=torch.zeros(1, 1))
    found, _ = Ppo(kl=0).loss_of(Judged(logps, torch.zeros(1, 1)), batch)
    assert found == pytest.approx(loss)


def test_the_first_step_praises_as_it_is_told() -> None:
    """No ratio has moved, nothing is clipped, and the loss is the mean advantage turned round."""
    advantage, logps = torch.randn(3, 4), -torch.rand(3, 4)
    batch = batch_of(advantage, old=logps.clone())
    found, metrics = Ppo(kl=0, value_weight=0).loss_of(Judged(logps, torch.zeros(3, 4)), batch)
    assert found == pytest.approx(float(-advantage.mean()))
    assert (metrics["clipped"], metrics["step_kl"]) == (0, 0)


def test_a_value_that_moved_too_far_earns_nothing() -> None:
    values = torch.tensor([[1.0, 0.1]], requires_grad=True)
    batch = batch_of(torch.zeros(1, 2), old=torch.zeros(1, 2), returns=torch.ones(1, 2), values=torch.zeros(1, 2))
    loss, metrics = Ppo(kl=0, value_weight=1).loss_of(Judged(torch.zeros(1, 2), values), batch)
    loss.backward()
    assert values.grad is not None
    assert values.grad[0, 0] == 0, "it has reached the return, and the clipped one is the worse"
    assert values.grad[0, 1] < 0
    assert metrics["value_loss"] == pytest.approx((0.8**2 + 0.9**2) / 4)


def test_the_losses_of_policy_and_critic_are_told_apart() -> None:
    """`methods/data.md` 31.19: their sum is the loss, and neither is logged as the other."""
    batch = batch_of(
        torch.full((1, 2), -3.0), old=torch.zeros(1, 2), returns=torch.ones(1, 2), values=torch.zeros(1, 2)
    )
    loss, metrics = Ppo(kl=0, value_weight=0.5).loss_of(Judged(torch.zeros(1, 2), torch.zeros(1, 2)), batch)
    assert (float(metrics["policy_loss"]), float(metrics["value_loss"])) == pytest.approx((3.0, 0.5))
    assert float(loss) == pytest.approx(3.0 + 0.5 * 0.5)


def test_only_the_critic_learns_at_first() -> None:
    logps = torch.zeros(1, 2, requires_grad=True)
    values = torch.zeros(1, 2, requires_grad=True)
    batch = batch_of(torch.ones(1, 2), returns=torch.ones(1, 2), learn=torch.zeros(1))
    Ppo(critic_rollouts=1).loss_of(Judged(logps, values), batch).loss.backward()
    assert logps.grad is not None
    assert values.grad is not None
    assert logps.grad.abs().sum() == 0
    assert (values.grad < 0).all()
    assert [Ppo(critic_rollouts=2).learns(number) for number in range(3)] == [False, False, True]


@given(strategies.lists(strategies.floats(-5, 5), min_size=2, max_size=6), strategies.integers(0, 3))
def test_clipped_advantages_stay_within(rewards: list[float], seed: int) -> None:
    torch.manual_seed(seed)
    values = torch.randn(len(rewards), 2)
    found = Ppo(kl=0, most_advantage=0.5).credit(rollouts(rewards, values=values)).advantage
    assert found.abs().max() <= 0.5


def test_a_critic_that_learns_alone_comes_to_expect_the_reward_everywhere() -> None:
    """Each response earns 2; with no discount every state before its end is worth as much."""
    objective = Ppo(kl=0, critic_rollouts=10**6, value_clip=9.0, whiten=False, value_weight=1.0)
    values = torch.randn(3, 4, generator=torch.Generator().manual_seed(0)).requires_grad_()
    walk = torch.optim.SGD([values], lr=4.0)
    for _ in range(60):
        given = rollouts([2.0] * 3, [4, 2, 3], values=values.detach())
        credit = objective.credit(given)
        batch = batch_of(
            credit.advantage, given.mask, returns=credit.returns, values=given.values, learn=torch.zeros(3)
        )
        walk.zero_grad()
        objective.loss_of(Judged(torch.zeros(3, 4), values), batch).loss.backward()
        walk.step()
    assert torch.allclose(values[given.mask], torch.tensor(2.0), atol=1e-3)
