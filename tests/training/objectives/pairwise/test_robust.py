from __future__ import annotations

import math

import pytest

from tests.training.objectives.pairwise.conftest import GOLDEN, of
from training.objectives.pairwise.robust import Robust


def test_worked_number() -> None:
    """0.602207: [0.9 * -log s(0.15) + 0.1 * log s(-0.15)] / 0.8."""
    assert Robust(flip_rate=0.1)(of(*GOLDEN)).loss.item() == pytest.approx(0.602207048, abs=1e-6)


@pytest.mark.parametrize("d", [-9.0, -1.5, 0.0, 1.5, 9.0])
@pytest.mark.parametrize("flip_rate", [0.0, 0.1, 0.4])
def test_its_mean_over_flipped_labels_is_the_loss_of_the_true_one(flip_rate: float, d: float) -> None:
    """(1-e) L(d) + e L(-d) = -log s(d); a soft label is such a mean."""
    found = Robust(beta=1.0, flip_rate=flip_rate)(of(d, 0.0, 0.0, 0.0, soft_label=1 - flip_rate)).loss
    assert found.item() == pytest.approx(math.log1p(math.exp(-d)), abs=1e-12)


def test_equal_to_the_reference_is_log_two() -> None:
    assert Robust()(of(-12.0, -15.0, -12.0, -15.0)).loss.item() == pytest.approx(math.log(2), abs=1e-6)
