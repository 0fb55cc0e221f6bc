from __future__ import annotations

import pytest
import torch

from tests.training.objectives.policy.conftest import rollouts
from training.objectives.policy.remax import ReMax
from training.objectives.policy.rloo import Rloo


def test_worked_response() -> None:
    given = rollouts([0.8], [3], divergence=torch.tensor([[0.1, -0.2, 0.3]]), greedy=[0.0])
    found = ReMax(kl=0.05, gamma=0.99).credit(given).advantage[0]
    assert found.tolist() == pytest.approx([0.7712392, 0.7940800, 0.7770000], abs=1e-6)


def test_the_difference_is_clipped_and_not_the_rewards() -> None:
    found = ReMax(kl=0, gamma=1).credit(rollouts([100.0, 90.0], greedy=[97.0])).advantage[:, 0]
    assert found.tolist() == [3.0, -5.0]


def test_what_is_the_greedy_response_is_only_pulled() -> None:
    apart = torch.tensor([[0.5, -1.0]])
    found = ReMax(kl=0.1).credit(rollouts([4.0], divergence=apart, greedy=[4.0])).advantage
    assert torch.allclose(found, -0.1 * apart)


def test_it_is_rloo_with_the_greedy_response_as_the_other_one() -> None:
    alone = ReMax(kl=0, gamma=1).credit(rollouts([1.0, 3.0], samples=1, greedy=[0.5, 2.5])).advantage[:, 0]
    pairs = Rloo(kl=0).credit(rollouts([1.0, 0.5, 3.0, 2.5], samples=2)).advantage[::2, 0]
    assert torch.equal(alone, pairs)


def test_the_estimator_is_the_gradient_of_the_expected_reward() -> None:
    """A softmax over six responses of one token: the mean over all of them, by their chance, is exact."""
    torch.manual_seed(0)
    logits, worth = torch.randn(6, dtype=torch.float64, requires_grad=True), torch.randn(6, dtype=torch.float64)
    chances = logits.softmax(0)
    wanted = torch.autograd.grad((chances * worth).sum(), logits)[0]
    best = int(chances.argmax())
    given = rollouts([0.0] * 6, [1] * 6, samples=6)._replace(rewards=worth, greedy=worth[best, None])
    praise = ReMax(kl=0, gamma=1, most=1e9).credit(given).advantage[:, 0]
    loss = -(chances.detach() * praise * logits.log_softmax(0)).sum()
    found = torch.autograd.grad(loss, logits)[0]
    assert torch.allclose(-found, wanted, atol=1e-8)


def test_what_all_responses_to_a_prompt_earn_more_changes_nothing() -> None:
    before, after = (
        ReMax().credit(rollouts([1.0 + more, 0.5 + more], greedy=[0.25 + more])).advantage for more in (0.0, 8.0)
    )
    assert torch.equal(before, after)
