from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tests.training.shaping.conftest import SMALL, close, given_rewards, shaped
from training.objectives.reward import PairRewards
from training.objectives.reward.bradley_terry import BradleyTerry
from training.shaping import Given
from training.shaping.par import PAR

REFERENCES = st.lists(SMALL, min_size=1, max_size=4)


@pytest.mark.parametrize(("references", "expected"), [((0.0,), 0.7858350), ((0.1, 0.5, -0.4), 0.7680113)])
def test_worked_numbers(references: tuple[float, ...], expected: float) -> None:
    assert shaped("par", given_rewards([1.3], references)) == close([expected])


@given(SMALL)
def test_the_reward_of_the_reference_is_worth_one_half(reward: float) -> None:
    assert shaped("par", given_rewards([reward], [reward])) == [0.5]


@given(st.lists(SMALL, min_size=2, max_size=5, unique=True), REFERENCES)
def test_it_lies_between_0_and_1_and_rises(rewards: list[float], references: list[float]) -> None:
    found = shaped("par", given_rewards(sorted(rewards), references))
    assert all(0 < one < 1 for one in found)
    assert found == sorted(found)


@given(SMALL, REFERENCES, SMALL)
def test_a_shift_of_all_rewards_changes_nothing(reward: float, references: list[float], shift: float) -> None:
    moved = shaped("par", given_rewards([reward + shift], [one + shift for one in references]))
    assert moved == pytest.approx(shaped("par", given_rewards([reward], references)), abs=1e-5)


@given(SMALL, SMALL, st.floats(0.25, 4))
def test_no_slope_is_above_a_quarter_and_at_the_reference_it_is_that(
    reward: float, reference: float, slope: float
) -> None:
    rewards = torch.tensor([reward, reference], requires_grad=True)
    PAR(slope=slope)(Given(rewards, torch.full((2, 1), reference), torch.ones(2)), {}).rewards.sum().backward()
    assert rewards.grad is not None
    assert rewards.grad[0] <= slope / 4 + 1e-6
    assert rewards.grad[1].item() == pytest.approx(slope / 4)


@given(SMALL, SMALL)
def test_with_one_reference_it_is_what_bradley_terry_believes(reward: float, reference: float) -> None:
    ones = torch.ones(1)
    pair = PairRewards(torch.tensor([reward]), torch.tensor([reference]), 0 * ones, ones, ones)
    chance = (-BradleyTerry()(pair).loss).exp().item()
    assert shaped("par", given_rewards([reward], [reference])) == pytest.approx([chance], rel=1e-5)
