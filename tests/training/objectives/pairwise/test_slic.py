from __future__ import annotations

import pytest

from tests.training.objectives.pairwise.conftest import GOLDEN, of
from training.objectives.pairwise.slic import SLiC


def test_worked_number() -> None:
    """A difference of 3 nats falls 1 short of 4; the likelihood adds 0.1 * 12 / 10."""
    assert SLiC(delta=4.0, nll=0.1)(of(*GOLDEN)).loss.item() == pytest.approx(1.12, abs=1e-6)


def test_beyond_delta_only_the_likelihood_is_left() -> None:
    assert SLiC(delta=2.0, nll=0.5)(of(*GOLDEN)).loss.item() == pytest.approx(0.6, abs=1e-6)
