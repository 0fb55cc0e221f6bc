from __future__ import annotations

import math
from pathlib import Path

import pyarrow as pa
import pytest
import torch
from torch import Tensor

from tests.training.conftest import pair_row, pair_table, write_version
from tests.training.objectives.pairwise.conftest import GOLDEN, of
from training.batches import PairExamples, Sequences
from training.objectives import Step
from training.objectives.links import LinkedBatch
from training.objectives.pairwise.dpo import DPO
from training.objectives.pairwise.mapl_dpo import MaplDPO
from training.tokens import Encoded
from training.train import train


def step(
    ratios: list[float] | Tensor,
    *,
    within: list[bool] | None = None,
    links: tuple[tuple[int, int, int], ...] = (),
    soft_label: list[float] | None = None,
    **fields: float,
) -> Step:
    """Of pairs of one token a side, whose chosen responses have these log-ratios and whose rejected ones have 0."""
    count = len(ratios)
    encoded = [Encoded([1, 2, place], 2) for place in range(3, 3 + 2 * count)]
    one = torch.ones(count)
    label = one if soft_label is None else torch.tensor(soft_label)
    pairs = PairExamples(Sequences.of(encoded, pad=0), margin=0 * one, weight=one, soft_label=label)
    batch = LinkedBatch(
        **vars(pairs.batch(torch.arange(count))),
        within=torch.tensor(within or [False] * count),
        links=torch.tensor(links, dtype=torch.int64).view(-1, 3),
    )
    scores = torch.cat([torch.as_tensor(ratios), torch.zeros(count)])
    return MaplDPO.model_validate({"beta": 1.0} | fields).loss_of(scores[:, None], batch)


def test_without_variants_it_is_dpo() -> None:
    assert MaplDPO()(of(*GOLDEN)).loss.equal(DPO()(of(*GOLDEN)).loss)
    singly = [DPO(beta=1.0)(of(ratio, 0.0, 0.0, 0.0)).loss.item() for ratio in (0.7, -1.2)]
    assert step([0.7, -1.2]).loss.item() == pytest.approx(sum(singly) / 2)


def test_worked_number() -> None:
    """m(x+) = 1.4, m(x) = 0.9: -log s(0.5) = 0.474077. With beta 0.1 it takes log-ratios of ten times as much."""
    assert step([1.4, 0.9], links=((1, 0, 1),)).metrics["between"].item() * 2 == pytest.approx(0.474076984, abs=1e-6)
    found = step([14.0, 9.0], links=((1, 0, 1),), beta=0.1).metrics["between"].item()
    assert found * 2 == pytest.approx(0.474076984, abs=1e-6)


def test_at_the_reference_every_term_costs_log_two() -> None:
    """Two pairs of responses, one of prompts at its weight, and two links: over three pairs."""
    found = step([0.0, 0.0, 0.0], within=[False, False, True], links=((0, 1, 1), (0, 1, -1)), prompts=0.5).loss.item()
    assert found * 3 == pytest.approx((1 + 1 + 0.5 + 2) * math.log(2), abs=1e-6)


def test_demands_that_change_nothing_have_no_gradient() -> None:
    """x+ and x- like x: 2 log 2, and the two pulls cancel."""
    gaps = torch.tensor([0.9, 0.9, -0.9], requires_grad=True)
    found = step(gaps, links=((0, 1, 1), (0, 2, -1)))
    assert found.metrics["between"].item() * 3 == pytest.approx(2 * math.log(2), abs=1e-6)
    (slope,) = torch.autograd.grad(found.loss - step(gaps).loss, gaps)
    assert slope[0].item() == pytest.approx(0, abs=1e-7)


def test_what_a_prompt_adds_to_both_responses_shifts_pairs_of_prompts_alone() -> None:
    """An implicit reward is known up to a number for every prompt; a pair of prompts does not heed that."""
    pair = of(*GOLDEN)
    moved = pair._replace(chosen=pair.chosen + 3, rejected=pair.rejected + 3)
    assert MaplDPO().gap(moved).item() == pytest.approx(MaplDPO().gap(pair).item())
    of_prompts = pair._replace(chosen=pair.chosen + 3)
    assert MaplDPO().gap(of_prompts).item() == pytest.approx(MaplDPO().gap(pair).item() + 0.3)


def test_swapping_the_prompts_turns_the_gap_round() -> None:
    ahead, behind = (step([ratio], within=[True], prompts=1.0) for ratio in (1.5, -1.5))
    assert ahead.metrics["margin"] == -behind.metrics["margin"]
    assert behind.loss.item() - ahead.loss.item() == pytest.approx(1.5, abs=1e-6)


def test_a_soft_label_of_zero_turns_a_link_round() -> None:
    """The variant favours the other side, if at all: log(1 + e^0.5) in place of log(1 + e^-0.5)."""
    found = step([0.9, 1.4], links=((0, 1, 1),), soft_label=[1.0, 0.0]).metrics["between"].item()
    assert found * 2 == pytest.approx(0.474076984 + 0.5, abs=1e-6)
    half = step([0.9, 1.4], links=((0, 1, 1),), soft_label=[1.0, 0.5]).metrics["between"].item()
    assert half * 2 == pytest.approx(0.474076984 + 0.25, abs=1e-6)


def test_extreme_log_ratios_stay_finite() -> None:
    gaps = torch.tensor([1e4, -1e4, 1e4], requires_grad=True)
    loss = step(gaps, within=[False, False, True], links=((0, 1, 1), (1, 0, -1))).loss
    (slope,) = torch.autograd.grad(loss, gaps)
    assert loss.isfinite() and slope.isfinite().all()


def table() -> pa.Table:
    """Of every prompt: a pair, two variants, of which one favours the other side, and one response under both."""

    def row(prompt: str, chosen: str, rejected: str, other: str | None = None) -> dict[str, object]:
        turns = ([{"role": "user", "content": text}] for text in (prompt, other or prompt))
        return pair_row(0, chosen, rejected) | dict(zip(("prompt", "rejected_prompt"), turns, strict=True))

    rows: list[dict[str, object]] = []
    for n in range(30):
        base, a, b = f"say w{n}", f"w{n} good", f"w{n} bad"
        more, less = f"{base} good good", f"{base} bad bad"
        family = [row(base, a, b), row(more, a, b), row(less, b, a), row(more, a, a, less), row(less, b, b, more)]
        rows += [one | {"split": "test" if n % 5 == 4 else "train", "prompt_id": str(n)} for one in family]
    return pair_table([one | {"pair_id": str(place)} for place, one in enumerate(rows)])


CHANGES = {"learning_rate": 3e-3, "max_length": 64, "beta": 0.5, "prompts": 1.0}


def test_a_run_starts_at_its_reference(model_folder: Path, tmp_path: Path) -> None:
    """Five pairs and two links a family."""
    data = write_version(tmp_path / "data", table())
    trained = train("mapl_dpo", data, model_folder, tmp_path / "out", CHANGES | {"epochs": 0.1, "batch_size": 200})
    assert trained.metrics["train_total_steps"] == 1
    assert trained.metrics["train_loss"] == pytest.approx((5 + 2) / 5 * math.log(2), abs=1e-5)


def test_a_policy_comes_to_follow_the_prompt(model_folder: Path, tmp_path: Path) -> None:
    data = write_version(tmp_path / "data", table())
    trained = train("mapl_dpo", data, model_folder, tmp_path / "out", CHANGES | {"epochs": 20, "batch_size": 16})
    assert trained.metrics["test_accuracy"] > 0.9
