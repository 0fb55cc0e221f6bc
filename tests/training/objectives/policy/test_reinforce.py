from __future__ import annotations

import pytest
import torch

from tests.training.objectives.policy.conftest import rollouts
from training.objectives.policy import to_go, token_rewards
from training.objectives.policy.reinforce import Reinforce


def test_worked_rewards_to_go() -> None:
    """The pull of each token, and the reward on the last."""
    given = rollouts([0.8], [3], divergence=torch.tensor([[0.1, -0.2, 0.3]]))
    rewards = token_rewards(given, 0.05)
    assert rewards[0].tolist() == pytest.approx([-0.005, 0.010, 0.785])
    assert to_go(rewards)[0].tolist() == pytest.approx([0.790, 0.795, 0.785])


def test_all_tokens_are_whitened_together() -> None:
    given = rollouts([1.0, 0.0, 3.0], [1, 3, 2], divergence=torch.randn(3, 3))
    found = Reinforce(kl=0.1).credit(given).advantage
    kept = found[given.mask]
    assert float(kept.mean()) == pytest.approx(0, abs=1e-6)
    assert float(kept.std()) == pytest.approx(1, abs=1e-5)
    assert found[~given.mask].abs().sum() == 0


def test_a_group_baseline_takes_the_prompts_difficulty_away() -> None:
    easy, hard = rollouts([9.0, 10.0, 0.0, 1.0], samples=2), rollouts([0.0, 1.0, 0.0, 1.0], samples=2)
    found = Reinforce(kl=0, group_baseline=True).credit(easy).advantage
    assert torch.equal(found, Reinforce(kl=0, group_baseline=True).credit(hard).advantage)
    assert not torch.allclose(found, Reinforce(kl=0).credit(easy).advantage)
