from __future__ import annotations

import math

import pytest
import torch

from tests.training.objectives.pairwise.conftest import GOLDEN, logps, of
from training.objectives.pairwise.exo import EXO


def test_worked_number() -> None:
    assert EXO(label_smoothing=0.1)(of(*GOLDEN)).loss.item() == pytest.approx(0.431388457, abs=1e-6)


def test_zero_where_the_policy_says_what_the_label_says() -> None:
    """s(gap) = 0.9 at gap = log 9."""
    chosen = torch.tensor([math.log(9.0)], requires_grad=True)
    zero = torch.zeros(1)
    step = EXO(beta=1.0, label_smoothing=0.1)(logps(chosen, zero, zero, zero))
    step.loss.backward()
    assert step.loss.item() == pytest.approx(0, abs=1e-6)
    assert chosen.grad is not None and chosen.grad.item() == pytest.approx(0, abs=1e-6)
    assert EXO(beta=1.0, label_smoothing=0.1)(of(2.0, 0.0, 0.0, 0.0)).loss > 1e-4
