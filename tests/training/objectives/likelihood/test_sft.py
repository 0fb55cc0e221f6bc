from __future__ import annotations

import pytest
import torch

from training.objectives.likelihood import TokenLogps
from training.objectives.likelihood.sft import SFT

LOGPS = torch.tensor([[-1.0, -2.0, 0.0], [-3.0, 0.0, 0.0]])
MASK = torch.tensor([[True, True, False], [True, False, False]])


def test_loss_is_the_mean_over_tokens_not_over_sequences() -> None:
    """(1 + 2 + 3) / 3 tokens = 2; the mean of sequence means would be 2.25."""
    step = SFT()(TokenLogps(LOGPS, MASK, torch.ones(2)))
    assert step.loss.item() == pytest.approx(2.0)
    assert step.metrics["nll"].item() == pytest.approx(2.0)


def test_weight_scales_a_sequence() -> None:
    """(2 * (1 + 2) + 0 * 3) / 3 = 2, while the reported nll stays unweighted."""
    step = SFT()(TokenLogps(LOGPS, MASK, torch.tensor([2.0, 0.0])))
    assert step.loss.item() == pytest.approx(2.0)
    assert step.metrics["nll"].item() == pytest.approx(2.0)


def test_a_batch_without_learned_tokens_costs_nothing() -> None:
    none = torch.zeros(2, 3)
    assert SFT()(TokenLogps(none, none.bool(), torch.ones(2))).loss.item() == 0
