"""What every objective promises, by existing."""

from __future__ import annotations

import pytest
import torch

from tests.training.conftest import FIGURES_OF_A_STEP
from training.jobs import objective_of
from training.objectives.likelihood import LIKELIHOOD, TokenLogps
from training.objectives.pairwise import PAIRWISE, PairLogps
from training.objectives.reward import REWARD

ONES = torch.ones(3)


# DiscoPOP alone climbs where a pair is held equal; its own test says where.
@pytest.mark.parametrize("name", sorted(PAIRWISE.classes.keys() - {"discopop"}))
def test_pairwise_raises_chosen_and_lowers_rejected(name: str) -> None:
    chosen, rejected = (torch.full((3,), -10.0, requires_grad=True) for _ in range(2))
    reference = (torch.full((3,), -10.0),) * 2
    PAIRWISE.build(name)(PairLogps(chosen, rejected, *reference, ONES * 4, ONES * 4, ONES, ONES, ONES)).loss.backward()
    assert chosen.grad is not None and (chosen.grad < 0).all()
    assert rejected.grad is not None and (rejected.grad > 0).all()


@pytest.mark.parametrize("name", PAIRWISE.classes)
def test_the_gap_grows_with_the_chosen_log_probability(name: str) -> None:
    chosen = torch.full((3,), -10.0, requires_grad=True)
    rest = torch.full((3,), -10.0)
    objective = PAIRWISE.build(name)
    objective.gap(PairLogps(chosen, rest, rest, rest, ONES * 4, ONES * 4, ONES, ONES, ONES)).sum().backward()
    assert chosen.grad is not None and (chosen.grad > 0).all()


@pytest.mark.parametrize("name", LIKELIHOOD.classes)
def test_likelihood_raises_learned_tokens_only(name: str) -> None:
    logps = torch.full((2, 3), -1.0, requires_grad=True)
    mask = torch.tensor([[True, True, False], [False, True, True]])
    LIKELIHOOD.build(name)(TokenLogps(torch.where(mask, logps, 0.0), mask, torch.ones(2))).loss.backward()
    assert logps.grad is not None and ((logps.grad < 0) == mask).all()


@pytest.mark.parametrize("name", LIKELIHOOD.classes)
def test_the_nll_is_of_all_tokens_whatever_they_weigh(name: str) -> None:
    """`methods/data.md` 31.19: what is logged as likelihood is no weighed loss."""
    logps = torch.tensor([[-1.0, -2.0, 0.0], [-3.0, 0.0, 0.0]])
    step = LIKELIHOOD.build(name)(TokenLogps(logps, logps != 0, torch.tensor([0.5, 4.0])))
    assert step.metrics["nll"].item() == pytest.approx(6 / 3)
    assert not step.metrics.keys() & FIGURES_OF_A_STEP


@pytest.mark.parametrize("name", [*LIKELIHOOD.classes, *PAIRWISE.classes, *REWARD.classes])
def test_spec_rebuilds_the_objective(name: str) -> None:
    objective = objective_of(name)
    assert objective_of(objective.spec()) == objective
    assert objective.__doc__
