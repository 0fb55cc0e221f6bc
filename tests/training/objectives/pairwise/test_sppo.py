from __future__ import annotations

import pytest
import torch

from tests.training.objectives.pairwise.conftest import GOLDEN, logps, of
from training.objectives.pairwise.sppo import SPPO


def test_worked_number() -> None:
    """(1 - 5)^2 + (-0.5 + 5)^2."""
    assert SPPO()(of(*GOLDEN)).loss.item() == pytest.approx(36.25, abs=1e-5)


@pytest.mark.parametrize("win_chance", [0.0, 0.3, 0.5, 1.0])
def test_a_soft_label_is_the_win_chance_of_the_paper(win_chance: float) -> None:
    """The gradient of (log-ratio - eta (P - 1/2))^2 on both sides, eta = 1 / beta."""
    eta = 10.0
    chosen, rejected = torch.tensor([-12.0], requires_grad=True), torch.tensor([-15.0], requires_grad=True)
    reference = torch.tensor([-13.0]), torch.tensor([-14.5])
    SPPO(beta=1 / eta)(logps(chosen, rejected, *reference, soft_label=torch.tensor([win_chance]))).loss.backward()
    assert chosen.grad is not None and rejected.grad is not None
    assert chosen.grad.item() == pytest.approx(2 * (1.0 - eta * (win_chance - 0.5)), abs=1e-4)
    assert rejected.grad.item() == pytest.approx(2 * (-0.5 - eta * (0.5 - win_chance)), abs=1e-4)
