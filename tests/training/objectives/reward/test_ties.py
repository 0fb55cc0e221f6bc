from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn.functional import logsigmoid

from training.objectives.reward import PairRewards
from training.objectives.reward.ties import Ties

MODELS = ["rao_kupper", "davidson"]
DIFFERENCE = torch.tensor([-3.0, -0.5, 0.0, 0.7, 12.0], dtype=torch.float64)
ZERO = torch.zeros(5, dtype=torch.float64)
ONE = ZERO + 1


def rewards(difference: torch.Tensor, soft_label: torch.Tensor) -> PairRewards:
    return PairRewards(difference, ZERO, margin=ZERO, weight=ONE, soft_label=soft_label)


@pytest.mark.parametrize("model", MODELS)
@given(difference=st.floats(-300, 300), chance=st.floats(0.01, 0.99))
def test_the_three_chances_sum_to_one(model: str, difference: float, chance: float) -> None:
    ties = Ties.model_validate({"model": model, "tie_chance": chance})
    parts = ties.log_chances(torch.tensor([difference], dtype=torch.float64))
    assert sum(float(part.exp()) for part in parts) == pytest.approx(1)


@pytest.mark.parametrize("model", MODELS)
def test_equal_rewards_tie_with_the_chance_that_is_set(model: str) -> None:
    parts = Ties.model_validate({"model": model, "tie_chance": 0.2}).log_chances(torch.zeros(1))
    assert [part.exp().item() for part in parts] == pytest.approx([0.4, 0.4, 0.2])


@pytest.mark.parametrize("model", MODELS)
def test_swapped_sides_swap_their_chances(model: str) -> None:
    ties = Ties.model_validate({"model": model})
    chosen, rejected, tie = ties.log_chances(DIFFERENCE)
    assert [part.tolist() for part in ties.log_chances(-DIFFERENCE)] == [
        pytest.approx(part.tolist()) for part in (rejected, chosen, tie)
    ]


def test_rao_kupper_is_what_its_threshold_says() -> None:
    """a = log((1 + t) / (1 - t)): P(chosen) = s(D - a), P(tie) = 1 - s(D - a) - s(-D - a)."""
    a = math.log(1.3 / 0.7)
    chosen, rejected, tie = Ties(model="rao_kupper", tie_chance=0.3).log_chances(DIFFERENCE)
    assert torch.allclose(chosen.exp(), torch.sigmoid(DIFFERENCE - a))
    assert torch.allclose(tie.exp(), 1 - torch.sigmoid(DIFFERENCE - a) - torch.sigmoid(-DIFFERENCE - a))
    assert torch.allclose(rejected.exp(), torch.sigmoid(-DIFFERENCE - a))


def test_davidson_is_what_its_prevalence_says() -> None:
    """v = 2t / (1 - t): P(chosen) = e^(D/2) / (e^(D/2) + e^(-D/2) + v), P(tie) = v over the same."""
    v, half = 0.6 / 0.7, (DIFFERENCE / 2).exp()
    chosen, _, tie = Ties(model="davidson", tie_chance=0.3).log_chances(DIFFERENCE)
    assert torch.allclose(chosen.exp(), half / (half + 1 / half + v))
    assert torch.allclose(tie.exp(), v / (half + 1 / half + v))


@pytest.mark.parametrize("model", MODELS)
def test_without_ties_it_is_bradley_terry(model: str) -> None:
    q = torch.tensor([1.0, 0.9, 0.2, 0.0, 1.0], dtype=torch.float64)
    plain = -(q * logsigmoid(DIFFERENCE) + (1 - q) * logsigmoid(-DIFFERENCE)).mean()
    loss = Ties.model_validate({"model": model, "tie_chance": 1e-9}).__call__(rewards(DIFFERENCE, q)).loss
    assert loss.item() == pytest.approx(plain.item(), rel=1e-6)


@pytest.mark.parametrize("model", MODELS)
def test_a_tie_pulls_its_rewards_together(model: str) -> None:
    difference = DIFFERENCE.clone().requires_grad_()
    Ties.model_validate({"model": model}).__call__(rewards(difference, ONE / 2)).loss.backward()
    assert difference.grad is not None
    assert difference.grad.sign().tolist() == [-1, -1, 0, 1, 1]
