"""A softmax over eight responses, and pairs of all of them: where the losses that have an optimum find it."""

from __future__ import annotations

import torch
from torch import Tensor

from tests.training.objectives.pairwise.conftest import logps
from training.objectives.pairwise import Pairwise
from training.objectives.pairwise.dpo import DPO
from training.objectives.pairwise.ipo import IPO


def bandit() -> tuple[Tensor, Tensor]:
    """[8] each: log-probabilities of the reference, and what responses are worth."""
    chance = torch.Generator().manual_seed(0)
    reference, worth = torch.randn(2, 8, generator=chance, dtype=torch.float64)
    return reference.log_softmax(0), worth


def trained(objective: Pairwise, reference: Tensor, chances: Tensor) -> Tensor:
    """[8] log-probabilities after 500 steps on all pairs, labelled with the chances [8, 8] that one beats the other."""
    i, j = torch.triu_indices(8, 8, 1)
    policy = reference.clone().requires_grad_()
    walk = torch.optim.Adam([policy], lr=0.05)
    for _ in range(500):
        normal = policy.log_softmax(0)
        pairs = logps(normal[i], normal[j], reference[i], reference[j], soft_label=chances[i, j])
        walk.zero_grad()
        objective(pairs).loss.backward()
        walk.step()
    return policy.log_softmax(0).detach()


def far(policy: Tensor, other: Tensor) -> float:
    return float((policy.exp() * (policy - other)).sum())


def test_dpo_finds_the_policy_of_its_reward_model() -> None:
    """reference * exp(worth / beta), for labels by Bradley and Terry; arXiv:2305.18290 eq. 4."""
    reference, worth = bandit()
    best = (reference + worth / 0.5).log_softmax(0)
    assert far(reference, best) > 0.3
    assert far(trained(DPO(beta=0.5), reference, torch.sigmoid(worth[:, None] - worth)), best) < 1e-4


def test_ipo_finds_the_policy_of_its_chances() -> None:
    """reference * exp(E[chance to win] / beta), for chances that are differences; arXiv:2310.12036."""
    reference, worth = bandit()
    share = 0.4 * (worth - worth.min()) / (worth.max() - worth.min())
    best = (reference + share / 0.1).log_softmax(0)
    assert far(reference, best) > 0.3
    assert far(trained(IPO(beta=0.1), reference, 0.5 + share[:, None] - share), best) < 1e-4
