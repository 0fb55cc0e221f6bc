from __future__ import annotations

import math
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.training.conftest import pair_row, pair_table, ranked_right, write_version
from tests.training.objectives.pairwise.conftest import GOLDEN, of
from training.objectives.pairwise.cpl import CPL
from training.objectives.pairwise.cpo import CPO
from training.train import train

NATS = st.floats(-60, -1)


def loss(chosen: float, rejected: float, **fields: float) -> float:
    return CPL.model_validate(fields)(of(chosen, rejected, 0.0, 0.0)).loss.item()


@pytest.mark.parametrize(("bias", "expected"), [(0.5, 0.943248946), (1.0, 0.554355244)])
def test_worked_numbers(bias: float, expected: float) -> None:
    """log(1 + exp(0.1 * (12 - bias * 15)))."""
    assert CPL(bias=bias)(of(*GOLDEN)).loss.item() == pytest.approx(expected, abs=1e-9)


@given(NATS, NATS, st.floats(0.1, 20))
def test_below_one_likelier_responses_cost_less(chosen: float, rejected: float, more: float) -> None:
    """Of two pairs with the same difference. With bias 1 only the difference counts."""
    assert loss(chosen + more, rejected + more) < loss(chosen, rejected)
    plain = (loss(first, second, bias=1.0) for first, second in ((chosen + more, rejected + more), (chosen, rejected)))
    assert next(plain) == pytest.approx(next(plain), rel=1e-9)


@given(NATS, NATS)
def test_without_the_rejected_response_it_is_likelihood_of_the_chosen(chosen: float, rejected: float) -> None:
    assert loss(chosen, rejected, bias=0.0) == pytest.approx(math.log1p(math.exp(-0.1 * chosen)), rel=1e-9)


@given(NATS, NATS, st.floats(0, 3))
def test_with_bias_one_it_is_cpo(chosen: float, rejected: float, nll: float) -> None:
    expected = CPO(beta=0.1, nll=nll)(of(chosen, rejected, 0.0, 0.0)).loss.item()
    assert loss(chosen, rejected, bias=1.0, nll=nll) == pytest.approx(expected, rel=1e-9, abs=1e-12)


@pytest.fixture
def against_the_model() -> pa.Table:
    return pair_table([pair_row(n, f"w{n} bad", f"w{n} good") for n in range(30)])


def test_it_trains_a_policy(against_the_model: pa.Table, model_folder: Path, tmp_path: Path) -> None:
    """Without a reference, from a policy that holds the rejected responses likelier."""
    assert ranked_right(model_folder, against_the_model) < 0.5
    data = write_version(tmp_path / "data", against_the_model)
    changes = {"epochs": 6, "batch_size": 8, "learning_rate": 3e-3, "max_length": 64, "alpha": 0.5}
    trained = train("cpl", data, model_folder, tmp_path / "out", changes)
    assert ranked_right(trained.path, against_the_model) == trained.metrics["test_accuracy"] == 1.0
