from __future__ import annotations

from typing import Literal

import pytest
import torch

from tests.training.objectives.pairwise.conftest import GOLDEN, logps, of
from training.objectives.pairwise.apo import APO


@pytest.mark.parametrize(("anchor", "loss"), [("zero", 0.962523416), ("down", 0.987549342)])
def test_worked_number(anchor: Literal["zero", "down"], loss: float) -> None:
    """1 - s(0.1) + s(-0.05), and s(0.1) + 1 - s(0.15)."""
    assert APO(anchor=anchor)(of(*GOLDEN)).loss.item() == pytest.approx(loss, abs=1e-6)


@pytest.mark.parametrize(("anchor", "rises"), [("zero", True), ("down", False)])
def test_the_anchor_says_where_the_chosen_response_goes(anchor: Literal["zero", "down"], rises: bool) -> None:
    """Under both the gap grows, once the pair is ranked right."""
    chosen, rejected = torch.tensor([-12.0], requires_grad=True), torch.tensor([-15.0], requires_grad=True)
    APO(anchor=anchor)(logps(chosen, rejected, torch.tensor([-12.0]), torch.tensor([-12.0]))).loss.backward()
    assert chosen.grad is not None and rejected.grad is not None
    assert (chosen.grad.item() < 0) == rises
    assert rejected.grad.item() > max(0.0, chosen.grad.item())
