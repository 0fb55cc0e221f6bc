from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from tests.training.conftest import pair_row, pair_table, write_version
from training.batches import PairBatch
from training.checkpoint import load_reward
from training.evaluate.rewards import rewards_of
from training.objectives import Step
from training.objectives.reward import PairRewards
from training.objectives.reward.bradley_terry import BradleyTerry
from training.objectives.reward.odin import Odin, TwoRewards, correlation
from training.train import train

REWARDS = torch.tensor([0.7, -1.2, 3.0, 0.1, 0.2, 0.4, -1.0, 0.1])
TOKENS = torch.tensor([3, 1, 4, 1, 5, 2, 6, 2])
ONES = torch.ones(4)
NONE = torch.zeros(0)
HEAD = torch.tensor([[1.0, 0.0], [0.0, 1.0]])


def step(odin: Odin, rewards: Tensor, lengths: Tensor, head: Tensor = HEAD) -> Step:
    learned = torch.arange(int(TOKENS.max())) < TOKENS[:, None]
    treatment = {"margin": 0 * ONES, "weight": ONES, "soft_label": ONES}
    batch = PairBatch(**dict.fromkeys(PairBatch.__dataclass_fields__, NONE) | {"completion_mask": learned} | treatment)
    return odin.loss_of(TwoRewards(torch.stack([rewards, lengths], 1), NONE, head), batch)


FREE = Odin(length=0, decorrelate=0, orthogonal=0)


def test_without_penalties_it_is_bradley_terry_on_the_sum() -> None:
    half = REWARDS / 2
    plain = BradleyTerry()(PairRewards(*REWARDS.chunk(2), margin=0 * ONES, weight=ONES, soft_label=ONES)).loss
    assert step(FREE, REWARDS, 0 * REWARDS).loss.equal(plain)
    assert step(FREE, half, half).loss.item() == pytest.approx(plain.item())


def test_a_length_output_that_is_the_length_costs_nothing() -> None:
    loss = step(Odin(decorrelate=0, orthogonal=0), REWARDS, 0.1 * TOKENS).loss
    assert loss.item() == pytest.approx(step(FREE, REWARDS, 0.1 * TOKENS).loss.item(), abs=1e-6)
    against = step(Odin(decorrelate=0, orthogonal=0), REWARDS, -0.1 * TOKENS).loss
    assert against.item() == pytest.approx(step(FREE, REWARDS, -0.1 * TOKENS).loss.item() + 2, abs=1e-6)


def test_a_reward_that_is_the_length_pays_for_it() -> None:
    decorrelate = Odin(length=0, decorrelate=0.3, orthogonal=0)
    rest = 0 * REWARDS
    for slope in (0.1, -0.1):
        extra = step(decorrelate, slope * TOKENS, rest).loss - step(FREE, slope * TOKENS, rest).loss
        assert extra.item() == pytest.approx(0.3, abs=1e-6)


def test_outputs_that_read_the_same_pay_for_it_whatever_their_size() -> None:
    orthogonal = Odin(length=0, decorrelate=0, orthogonal=0.5)
    base = step(FREE, REWARDS, 0 * REWARDS).loss.item()
    same, small, apart = ([[3.0, 4.0], [-3.0, -4.0]], [[3.0, 4.0], [0.03, 0.04]], [[3.0, 4.0], [4.0, -3.0]])
    extra = [
        step(orthogonal, REWARDS, 0 * REWARDS, torch.tensor(head)).loss.item() - base for head in (same, small, apart)
    ]
    assert extra == pytest.approx([0.5, 0.5, 0.0], abs=1e-6)


@given(st.integers(0, 10_000))
def test_correlation_is_pearsons_over_repeated_rows(seed: int) -> None:
    chance = torch.Generator().manual_seed(seed)
    x, y = torch.randn(2, 6, generator=chance, dtype=torch.float64)
    weight = torch.tensor([1.0, 2.0, 0.0, 3.0, 1.0, 1.0], dtype=torch.float64)
    again = [one.repeat_interleave(weight.long()).numpy() for one in (x, y)]
    assert correlation(x, y, weight).item() == pytest.approx(np.corrcoef(*again)[0, 1])


def test_what_is_constant_has_no_correlation_and_no_gradient() -> None:
    x = torch.full((6,), 1234.5, requires_grad=True)
    found = correlation(x, torch.arange(6.0), torch.ones(6))
    found.backward()
    assert found == 0
    assert x.grad is not None
    assert not x.grad.any()


def lengthy(count: int) -> pa.Table:
    """Chosen responses say `good`, and three in four are also the longer ones."""
    rows = []
    for n in range(count):
        long, short = " w1" * 8, " w1"
        better, worse = (long, short) if n % 4 else (short, long)
        rows.append(pair_row(n, f"w{n % 30} good{better}", f"w{n % 30} bad{worse}"))
    return pair_table(rows)


def test_the_reward_lets_go_of_length(model_folder: Path, tmp_path: Path) -> None:
    folder = write_version(tmp_path / "data", lengthy(60))
    changes = {"epochs": 60, "batch_size": 48, "learning_rate": 2e-3, "max_length": 64}
    trained = train("odin", folder, model_folder, tmp_path / "odin", changes)
    assert trained.metrics["test_accuracy"] > 0.8
    assert trained.metrics["train_length_to_length"] > 0.8
    assert abs(trained.metrics["train_reward_to_length"]) < 0.2
    said = [f"w3 {word}{end}" for word in ("good", "bad") for end in (" w1", " w1" * 8)]
    good, long_good, bad, long_bad = rewards_of(
        trained.path, [([{"role": "user", "content": "say it"}], t) for t in said]
    )
    assert min(good, long_good) > max(bad, long_bad)
    assert load_reward(trained.path).model.score.weight.shape == (2, 32)
