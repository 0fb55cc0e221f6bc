from __future__ import annotations

import pytest

from tests.training.objectives.pairwise.conftest import GOLDEN, of
from training.objectives.pairwise.cpo import CPO
from training.objectives.pairwise.dpo import DPO


def test_worked_number() -> None:
    """-log s(0.1 * 3) + 12 / 10."""
    assert CPO()(of(*GOLDEN)).loss.item() == pytest.approx(0.554355244 + 1.2, abs=1e-6)


def test_without_likelihood_it_is_dpo_where_the_reference_has_no_preference() -> None:
    pair = of(-12.0, -15.0, -13.0, -13.0)
    assert CPO(nll=0.0)(pair).loss.item() == pytest.approx(DPO()(pair).loss.item(), abs=1e-7)
