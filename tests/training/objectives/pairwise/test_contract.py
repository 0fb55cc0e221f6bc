"""What every objective on pairs of log-probabilities promises, by existing."""

from __future__ import annotations

from itertools import product

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from tests.training.conftest import FIGURES_OF_A_STEP
from tests.training.objectives.pairwise.conftest import GOLDEN, logps, of
from training.objectives import Step
from training.objectives.pairwise import PAIRWISE, PairLogps, Pairwise, Relative

NATS = st.floats(-300, -1, width=32)
RELATIVE = [name for name, cls in PAIRWISE.classes.items() if issubclass(cls, Relative)]


def pairs(**other: Tensor) -> PairLogps:
    """Four unlike pairs."""
    chance = torch.Generator().manual_seed(0)
    sums = (-20 * torch.rand(4, generator=chance) - 1 for _ in range(4))
    return logps(*sums, **{"margin": torch.rand(4, generator=chance), **other})


def gradient(objective: Pairwise, given: PairLogps) -> tuple[Tensor, Tensor]:
    """Of the loss by the log-probabilities of chosen and of rejected responses."""
    leaves = given.chosen.clone().requires_grad_(), given.rejected.clone().requires_grad_()
    loss = objective(given._replace(chosen=leaves[0], rejected=leaves[1])).loss
    chosen, rejected = torch.autograd.grad(loss, leaves)
    return chosen, rejected


@pytest.fixture(params=PAIRWISE.classes)
def objective(request: pytest.FixtureRequest) -> Pairwise:
    return PAIRWISE.build(request.param)


def variants() -> list[Pairwise]:
    """Every objective, and every divergence with and without a mean over tokens where it has such."""
    plain = [PAIRWISE.build(name) for name in PAIRWISE.classes]
    kinds = product(("forward_kl", "js", "alpha"), (False, True))
    fields = [{"divergence": divergence, "per_token": per_token} for divergence, per_token in kinds]
    return plain + [PAIRWISE.build({"name": name, **each}) for name in RELATIVE for each in fields]


def test_a_pair_ranked_wrong_is_set_right(objective: Pairwise) -> None:
    """The policy holds rejected likelier, and the reference neither: chosen goes up, rejected down."""
    chosen, rejected = gradient(objective, of(-24.0, -14.0, -19.0, -19.0, n_rejected=10.0))
    assert chosen < 0 < rejected


def test_turned_round_the_gap_changes_sign(objective: Pairwise) -> None:
    assert objective.gap(pairs()).equal(-objective.gap(pairs().swapped()))


def test_a_soft_label_of_zero_is_the_pair_turned_round(objective: Pairwise) -> None:
    zero, one = torch.zeros(4), torch.ones(4)
    turned = pairs(soft_label=zero).swapped()
    assert turned.soft_label.equal(one)
    assert objective(pairs(soft_label=zero)).loss.item() == pytest.approx(objective(turned).loss.item(), rel=1e-6)


def test_half_a_label_has_no_preference(objective: Pairwise) -> None:
    """Two sides alike in all, with soft label 1/2: both are moved alike."""
    chosen, rejected = gradient(objective, of(-11.0, -11.0, -12.0, -12.0, n_rejected=10.0, soft_label=0.5))
    assert chosen.item() == pytest.approx(rejected.item(), abs=1e-6)


@pytest.mark.parametrize("objective", variants(), ids=lambda one: "-".join(str(part) for part in one.spec().values()))
def test_extreme_inputs_stay_finite(objective: Pairwise) -> None:
    """From certain (0 nats) to all but impossible."""
    corners = torch.tensor([*product((0.0, -1e4), repeat=4)]).T
    given = logps(*corners, soft_label=torch.full((16,), 0.9))
    step = objective(given)
    assert all(value.isfinite() for value in (step.loss, *step.metrics.values()))
    assert all(side.isfinite().all() for side in gradient(objective, given))


def test_a_pair_of_weight_zero_has_no_gradient(objective: Pairwise) -> None:
    for side in gradient(objective, pairs(weight=torch.tensor([1.0, 0.0, 2.0, 1.0]))):
        assert side[1] == 0
        assert side.count_nonzero() > 0


def test_weight_two_counts_as_two_pairs(objective: Pairwise) -> None:
    double = objective(pairs(weight=torch.full((4,), 2.0))).loss.item()
    assert double == pytest.approx(2 * objective(pairs()).loss.item(), rel=1e-6)


def test_the_order_of_a_batch_changes_nothing(objective: Pairwise) -> None:
    order = torch.tensor([2, 0, 3, 1])
    shuffled = PairLogps(*(part[order] for part in pairs()))
    assert objective(shuffled).loss.item() == pytest.approx(objective(pairs()).loss.item(), rel=1e-6)
    for moved, side in zip(gradient(objective, shuffled), gradient(objective, pairs()), strict=True):
        assert torch.allclose(moved, side[order], rtol=1e-5, atol=1e-8)


def test_the_loss_is_the_mean_over_pairs(objective: Pairwise) -> None:
    singly = [objective(PairLogps(*(part[n : n + 1] for part in pairs()))).loss for n in range(4)]
    assert objective(pairs()).loss.item() == pytest.approx(torch.stack(singly).mean().item(), rel=1e-6)


@given(NATS, NATS, NATS, NATS)
def test_the_reference_is_read_by_those_that_ask_for_it(a: float, b: float, c: float, d: float) -> None:
    for name in PAIRWISE.classes:
        objective = PAIRWISE.build(name)
        here, moved = (objective.gap(of(a, b, *reference)) for reference in ((c, d), (c, d - 1)))
        assert (here == moved) == (not objective.needs_reference)


def test_loss_and_metrics_are_detached_float32_scalars(objective: Pairwise) -> None:
    step: Step = objective(pairs()._replace(chosen=torch.full((4,), -9.0, requires_grad=True)))
    assert step.loss.requires_grad
    for value in (step.loss, *step.metrics.values()):
        assert value.shape == () and value.dtype == torch.float32
    assert not any(value.requires_grad for value in step.metrics.values())


def test_a_figure_is_what_its_name_says(objective: Pairwise) -> None:
    """`methods/data.md` 31.19."""
    chosen, rejected = objective.rewards(pairs())
    metrics = objective(pairs()).metrics
    wanted = {
        "accuracy": (chosen > rejected).float(),
        "margin": chosen - rejected,
        "chosen_reward": chosen,
        "rejected_reward": rejected,
        "chosen_logp": pairs().chosen,
    }
    for name, values in wanted.items():
        assert metrics[name].item() == pytest.approx(values.mean().item(), rel=1e-5), name
    assert not metrics.keys() & FIGURES_OF_A_STEP


@pytest.mark.parametrize("name", RELATIVE)
def test_at_the_reference_rewards_are_zero(name: str) -> None:
    """Accuracy is strict: a policy that holds both sides as the reference does ranks none."""
    step = PAIRWISE.build(name)(of(-12.0, -15.0, -12.0, -15.0))
    for metric in ("accuracy", "margin", "chosen_reward", "rejected_reward"):
        assert step.metrics[metric] == 0


@pytest.mark.parametrize("name", RELATIVE)
def test_rewards_of_the_worked_pair(name: str) -> None:
    metrics = PAIRWISE.build(name)(of(*GOLDEN)).metrics
    assert metrics["chosen_reward"].item() == pytest.approx(0.1)
    assert metrics["rejected_reward"].item() == pytest.approx(-0.05)
