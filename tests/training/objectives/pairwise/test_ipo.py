from __future__ import annotations

import pytest
import torch

from tests.training.objectives.pairwise.conftest import GOLDEN, logps, of
from training.objectives.pairwise.ipo import IPO


@pytest.mark.parametrize(("per_token", "loss"), [(False, 12.25), (True, 23.603402778)])
def test_worked_number(per_token: bool, loss: float) -> None:
    """(1.5 - 5)^2, and (1 / 10 + 0.5 / 12 - 5)^2."""
    assert IPO(per_token=per_token)(of(*GOLDEN)).loss.item() == pytest.approx(loss, abs=1e-6)


def test_least_at_half_over_beta() -> None:
    chosen = torch.tensor([2.5], requires_grad=True)
    zero = torch.zeros(1)
    step = IPO(beta=0.2)(logps(chosen, zero, zero, zero))
    step.loss.backward()
    assert chosen.grad is not None and step.loss.item() == pytest.approx(0, abs=1e-10)
    assert chosen.grad.item() == pytest.approx(0, abs=1e-5)
    below, above = (IPO(beta=0.2)(of(d, 0.0, 0.0, 0.0)).loss.item() for d in (2.4, 2.6))
    assert below == pytest.approx(above, rel=1e-4) and below > 0.009


def test_a_soft_label_moves_the_target() -> None:
    """With q = 0.75 it is (2q - 1) / (2 beta), half as far."""
    at = [IPO(beta=0.2)(of(d, 0.0, 0.0, 0.0, soft_label=0.75)).loss.item() for d in (1.15, 1.25, 1.35)]
    assert at[1] < at[0] == pytest.approx(at[2], rel=1e-5)
