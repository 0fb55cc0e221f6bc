from __future__ import annotations

import pytest
import torch

from tests.training.objectives.pairwise.conftest import GOLDEN, logps, of
from training.objectives.pairwise.nca import NCA


def test_worked_number() -> None:
    assert NCA()(of(*GOLDEN)).loss.item() == pytest.approx(1.350824814, abs=1e-6)


def test_the_chosen_reward_has_an_anchor() -> None:
    """Without a rejected side the loss is least where s(r) = 2/3: log 2 nats at beta 1."""
    chosen = torch.tensor([2.0]).log().requires_grad_()
    zero = torch.zeros(1)
    NCA(beta=1.0)(logps(chosen, zero, zero, zero)).loss.backward()
    assert chosen.grad is not None and chosen.grad.item() == pytest.approx(0, abs=1e-6)
