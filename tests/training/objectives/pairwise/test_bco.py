from __future__ import annotations

import pytest
import torch

from tests.training.objectives.pairwise.conftest import GOLDEN, logps, of
from training.objectives.pairwise.bco import BCO


def test_worked_number() -> None:
    """-log s(0.1) - log s(0.05)."""
    assert BCO()(of(*GOLDEN)).loss.item() == pytest.approx(1.312856308, abs=1e-6)


def test_the_sides_are_classified_apart() -> None:
    """The gradient of the chosen response does not know the rejected one."""
    slopes: list[float] = []
    for rejected in (-15.0, -40.0):
        chosen = torch.tensor([-12.0], requires_grad=True)
        of_one = (torch.tensor([value]) for value in (rejected, -13.0, -14.5))
        BCO()(logps(chosen, *of_one)).loss.backward()
        assert chosen.grad is not None
        slopes.append(chosen.grad.item())
    assert slopes[0] == slopes[1] < 0
