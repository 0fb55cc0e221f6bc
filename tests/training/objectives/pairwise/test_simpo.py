from __future__ import annotations

import pytest

from tests.training.objectives.pairwise.conftest import of
from training.objectives.pairwise.simpo import SimPO


def test_worked_number() -> None:
    """-log s(2 * (-1.2 + 1.25) - 1)."""
    pair = of(-12.0, -15.0, 0.0, 0.0)
    assert SimPO(beta=2.0, gamma_ratio=0.5)(pair).loss.item() == pytest.approx(1.241153875, abs=1e-6)


def test_a_response_twice_as_long_with_twice_the_nats_has_the_same_reward() -> None:
    once, twice = of(-12.0, -15.0, 0.0, 0.0), of(-24.0, -15.0, 0.0, 0.0, n_chosen=20.0)
    assert SimPO().gap(once) == SimPO().gap(twice)
