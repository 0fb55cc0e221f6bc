from __future__ import annotations

import pytest
import torch

from tests.training.shaping.conftest import given_rewards, shaped


def test_tokens_beyond_300_cost_a_hundredth_each() -> None:
    given = given_rewards([1.0, 1.0, 1.0])._replace(tokens=torch.tensor([20, 300, 420]))
    assert shaped("length", given) == pytest.approx([1.0, 1.0, -0.2])
