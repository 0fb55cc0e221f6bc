from __future__ import annotations

import pytest
import torch
from hypothesis import given

from tests.training.shaping.conftest import SMALL, close, given_rewards, shaped
from training.shaping import Given


def test_the_mean_of_the_references_is_worth_0() -> None:
    """References (.1, .5, -.4) have the mean .0667."""
    assert shaped("centre", given_rewards([1.3, 0.2 / 3], (0.1, 0.5, -0.4))) == close([1.2333333, 0.0])


@given(SMALL, SMALL)
def test_what_a_prompt_adds_to_all_its_rewards_is_taken_off(reward: float, shift: float) -> None:
    moved = shaped("centre", given_rewards([reward + shift], (0.5 + shift, -1.0 + shift)))
    assert moved == pytest.approx(shaped("centre", given_rewards([reward], (0.5, -1.0))), abs=1e-5)


def test_every_attribute_has_references_of_its_own() -> None:
    given = Given(torch.tensor([[1.0, 2.0]]), torch.tensor([[[0.0, 1.0], [1.0, 2.0]]]), torch.ones(1))
    assert shaped("centre", given) == [[0.5, 0.5]]
