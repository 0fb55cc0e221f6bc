from __future__ import annotations

import pytest

from tests.training.objectives.pairwise.conftest import GOLDEN, of
from training.objectives.pairwise.hinge import Hinge


def test_worked_number() -> None:
    """1 - 0.15."""
    assert Hinge()(of(*GOLDEN)).loss.item() == pytest.approx(0.85, abs=1e-6)


def test_a_gap_of_one_is_enough() -> None:
    assert Hinge()(of(10.0, 0.0, 0.0, 0.0)).loss == Hinge()(of(30.0, 0.0, 0.0, 0.0)).loss == 0
    assert Hinge()(of(9.9, 0.0, 0.0, 0.0)).loss.item() == pytest.approx(0.01, abs=1e-5)
