from __future__ import annotations

import pytest

from tests.training.objectives.pairwise.conftest import of
from training.objectives.pairwise.orpo import ORPO

PAIR = of(-12.0, -15.0, 0.0, 0.0)
"""mean log-probabilities -1.2 and -1.25"""


def test_worked_numbers() -> None:
    assert ORPO().gap(PAIR).item() == pytest.approx(0.070802853, abs=1e-6)
    assert ORPO(strength=0.1)(PAIR).loss.item() == pytest.approx(1.265837225, abs=1e-6)


def test_without_contrast_it_is_fine_tuning() -> None:
    assert ORPO(strength=0.0)(PAIR).loss.item() == pytest.approx(1.2, abs=1e-6)
