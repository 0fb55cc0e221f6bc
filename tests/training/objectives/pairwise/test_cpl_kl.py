from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tests.training.objectives.pairwise.conftest import GOLDEN, of
from training.objectives.pairwise.cpl_kl import CPLKL
from training.objectives.pairwise.dpo import DPO
from training.train import train

NATS = st.floats(-300, -1, width=32)


def test_worked_number() -> None:
    """Rewards 0.1 and -0.05: log(1 + exp(-0.75 * 0.05 - 0.1))."""
    assert CPLKL()(of(*GOLDEN)).loss.item() == pytest.approx(math.log1p(math.exp(-0.1375)), abs=1e-9)


@given(NATS, NATS, NATS, NATS, st.floats(0, 1))
def test_with_bias_one_it_is_dpo(a: float, b: float, c: float, d: float, soft_label: float) -> None:
    pair = of(a, b, c, d, soft_label=soft_label)
    found, expected = CPLKL(beta=0.3, bias=1.0)(pair).loss, DPO(beta=0.3)(pair).loss
    assert found.equal(expected)


@given(NATS, NATS, st.floats(0, 1))
def test_at_the_reference_every_bias_costs_log_two(chosen: float, rejected: float, bias: float) -> None:
    found = CPLKL(bias=bias)(of(chosen, rejected, chosen, rejected)).loss.item()
    assert found == pytest.approx(math.log(2), abs=1e-12)


def test_below_one_it_pays_to_make_both_responses_likelier() -> None:
    a, b, *reference = GOLDEN
    for bias, sign in ((0.75, -1), (1.0, 0)):
        change = CPLKL(bias=bias)(of(a + 1, b + 1, *reference)).loss - CPLKL(bias=bias)(of(*GOLDEN)).loss
        assert torch.sign(change.round(decimals=12)).item() == sign


def test_it_trains_a_policy(version_folder: Path, model_folder: Path, tmp_path: Path) -> None:
    """From log 2, at the reference, to all held-out pairs ranked right."""
    losses: list[float] = []

    def report(stage: str, done: int, total: int, metrics: object = None) -> None:
        if stage == "train" and isinstance(metrics, dict):
            losses.append(metrics["loss"])

    changes = {"epochs": 6, "batch_size": 8, "learning_rate": 3e-3, "max_length": 64, "beta": 0.5}
    trained = train("cpl_kl", version_folder, model_folder, tmp_path / "out", changes, report=report)
    assert losses[0] == pytest.approx(math.log(2), abs=1e-5)
    assert trained.metrics["test_accuracy"] == 1.0
