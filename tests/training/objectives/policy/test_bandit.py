"""A softmax over eight responses: with its pull on the reward, every objective ends where theory says it does."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from tests.training.objectives.policy.conftest import batch_of, rollouts
from training.objectives.policy import POLICY
from training.objectives.policy.ppo import Judged

PULL = 0.5
SAMPLED, STEPS = 256, 400


def bandit() -> tuple[Tensor, Tensor]:
    """[8] each: log-probabilities of the start, and rewards."""
    chance = torch.Generator().manual_seed(3)
    return torch.randn(8, generator=chance).log_softmax(0), torch.randn(8, generator=chance)


def trained(name: str, start: Tensor, *worth: Tensor, weights: tuple[float, ...] = (1.0,), **fields: Any) -> Tensor:
    """[8] log-probabilities after so many steps on responses of one token, the rate falling to 0."""
    whole = torch.tensor(weights) @ torch.stack(worth)
    objective = POLICY.build({"name": name, "kl": PULL, "kl_in": "reward", **fields})
    logits, value = start.clone().requires_grad_(), torch.zeros(1, requires_grad=True)
    walk = torch.optim.Adam([logits, value], lr=0.05)
    fall = torch.optim.lr_scheduler.LinearLR(walk, 1.0, 0.0, STEPS)
    chance = torch.Generator().manual_seed(0)
    for _ in range(STEPS):
        now = logits.log_softmax(0)
        said = torch.multinomial(now.detach().exp(), SAMPLED, replacement=True, generator=chance)
        logps = now[said, None]
        given = rollouts(
            [], [1] * SAMPLED, samples=SAMPLED, divergence=(logps - start[said, None]).detach(),
            parts=[one[said].tolist() for one in worth], weights=[*weights],
            greedy=[float(whole[int(now.argmax())])], values=value.detach().expand(SAMPLED, 1),
        )  # fmt: skip
        credit = objective.credit(given)
        batch = batch_of(credit.advantage, returns=credit.returns, values=given.values)
        scores = Judged(logps, value.expand(SAMPLED, 1)) if objective.reads_values else logps
        walk.zero_grad()
        objective.loss_of(scores, batch).loss.backward()
        walk.step()
        fall.step()
    return logits.log_softmax(0).detach()


@pytest.mark.parametrize(
    ("name", "fields"),
    [
        ("ppo", {"value_clip": 9.0}), ("grpo", {}), ("grpo", {"deviation": "none"}), ("rloo", {}), ("reinforce", {}),
        ("remax", {"gamma": 1.0}),
    ],
)  # fmt: skip
def test_it_finds_the_start_times_e_to_the_reward(name: str, fields: dict[str, Any]) -> None:
    """The policy of greatest E[R] - PULL * KL is start * exp(R / PULL); arXiv:2305.18290 eq. 4."""
    start, worth = bandit()
    best = (start + worth / PULL).log_softmax(0)
    found = trained(name, start, worth, **fields)
    assert float((start.exp() * (start - best)).sum()) > 0.3, "there is a way to go"
    assert float((found.exp() * (found - best)).sum()) < 0.01


def test_weighed_parts_end_at_the_start_times_e_to_their_sum() -> None:
    """MORLHF: start * exp(sum of w_k r_k / PULL)."""
    start, first = bandit()
    second = torch.randn(8, generator=torch.Generator().manual_seed(5))
    best = (start + (0.7 * first + 0.3 * second) / PULL).log_softmax(0)
    found = trained("grpo", start, first, second, weights=(0.7, 0.3))
    assert float((found.exp() * (found - best)).sum()) < 0.01


def test_chi_square_holds_what_the_kl_lets_go() -> None:
    """The response that starts rarest, and alone is rewarded: both let it grow, and chi-square stops far earlier."""
    start = torch.tensor([0.01, *[0.99 / 7] * 7]).log()
    worth = torch.tensor([1.0, *[0.0] * 7])
    ends = {
        estimator: float(trained("rloo", start, worth, estimator=estimator, kl=0.1)[0].exp())
        for estimator in ("k2", "chi_square")
    }
    assert ends["k2"] > 0.9
    assert 0.02 < ends["chi_square"] < 0.6
