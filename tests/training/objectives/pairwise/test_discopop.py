from __future__ import annotations

import pytest
import torch

from tests.training.objectives.pairwise.conftest import GOLDEN, logps, of
from training.objectives.pairwise.discopop import DiscoPOP


def test_worked_number() -> None:
    """s(-3) * -log s(0.15) + s(3) * exp(-0.15)."""
    assert DiscoPOP()(of(*GOLDEN)).loss.item() == pytest.approx(0.849337579, abs=1e-6)


@pytest.mark.parametrize(("gap", "raises"), [(-1.0, True), (-0.13, True), (0.0, False), (0.06, False), (0.5, True)])
def test_the_valley_lies_below_equality(gap: float, raises: bool) -> None:
    """Between gaps of -0.12 and 0.07 the loss climbs with the gap."""
    chosen = torch.tensor([gap], requires_grad=True)
    zero = torch.zeros(1)
    DiscoPOP(beta=1.0)(logps(chosen, zero, zero, zero)).loss.backward()
    assert chosen.grad is not None and (chosen.grad.item() < 0) == raises
