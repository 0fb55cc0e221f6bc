from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

from training.objectives.reward import PairRewards
from training.objectives.reward.bradley_terry import BradleyTerry

CHOSEN = torch.tensor([0.7, -1.2, 3.0, 0.1])
REJECTED = torch.tensor([0.2, 0.4, -1.0, 0.1])


def rewards(chosen: Tensor = CHOSEN, rejected: Tensor = REJECTED, **other: Tensor) -> PairRewards:
    one = torch.ones_like(chosen)
    return PairRewards(chosen, rejected, **({"margin": 0 * one, "weight": one, "soft_label": one} | other))


def test_every_knob_at_rest_is_plain_bradley_terry_to_the_bit() -> None:
    plain = -logsigmoid(CHOSEN - REJECTED).mean()
    assert BradleyTerry(use_margin=True)(rewards()).loss.equal(plain)


def test_equal_rewards_cost_log_two() -> None:
    assert BradleyTerry()(rewards(CHOSEN, CHOSEN)).loss.item() == pytest.approx(math.log(2))


def test_gradient_is_the_chance_of_the_wrong_order() -> None:
    """dL/dr_c = -s(-(D - m)) / B, and the rejected side has its negative."""
    chosen, rejected = CHOSEN.clone().requires_grad_(), REJECTED.clone().requires_grad_()
    margin = torch.tensor([0.0, 1.0, 2.0, 0.5])
    BradleyTerry(use_margin=True)(rewards(chosen, rejected, margin=margin)).loss.backward()
    assert chosen.grad is not None and rejected.grad is not None
    assert torch.allclose(chosen.grad, -torch.sigmoid(-(CHOSEN - REJECTED - margin)) / 4)
    assert chosen.grad.equal(-rejected.grad)


@pytest.mark.parametrize("settings", [{}, {"use_margin": True}, {"scaled": True}, {"label_smoothing": 0.1}])
def test_a_shift_of_both_rewards_changes_nothing(settings: dict[str, float]) -> None:
    shift, margin = torch.tensor([5.0, -3.0, 1.0, 0.0]), torch.tensor([0.0, 1.0, 2.0, 0.5])
    objective = BradleyTerry.model_validate(settings)
    moved = objective(rewards(CHOSEN + shift, REJECTED + shift, margin=margin)).loss
    assert moved.item() == pytest.approx(objective(rewards(margin=margin)).loss.item(), abs=1e-6)


def test_centring_pulls_the_mean_to_zero() -> None:
    """d/dk of L(r + k) is 4 c mean(r_c + r_r + 2k)."""
    k = torch.tensor(0.5, requires_grad=True)
    BradleyTerry(center=0.1)(rewards(CHOSEN + k, REJECTED + k)).loss.backward()
    assert k.grad is not None
    assert k.grad.item() == pytest.approx(4 * 0.1 * (CHOSEN + REJECTED + 1.0).mean().item(), rel=1e-5)


def test_centring_adds_the_squared_sum() -> None:
    extra = BradleyTerry(center=0.01)(rewards()).loss - BradleyTerry()(rewards()).loss
    assert extra.item() == pytest.approx(0.01 * (CHOSEN + REJECTED).square().mean().item(), abs=1e-6)


def test_an_integer_weight_is_a_repeated_row() -> None:
    weight = torch.tensor([1.0, 3.0, 0.0, 2.0])
    times = weight.long()
    repeated = rewards(CHOSEN.repeat_interleave(times), REJECTED.repeat_interleave(times))
    weighted = BradleyTerry()(rewards(weight=weight)).loss * 4
    assert weighted.item() == pytest.approx((BradleyTerry()(repeated).loss * 6).item(), rel=1e-6)


@pytest.mark.parametrize(("smoothing", "best", "least"), [(0.1, 2.197225, 0.325083), (0.2, 1.386294, 0.500402)])
def test_smoothing_is_least_at_log_odds_with_the_entropy_as_value(smoothing: float, best: float, least: float) -> None:
    """D* = log((1 - a) / a), and there the loss is the entropy of a."""
    assert math.log((1 - smoothing) / smoothing) == pytest.approx(best, abs=1e-6)
    gap = torch.tensor([math.log((1 - smoothing) / smoothing)], requires_grad=True)
    loss = BradleyTerry(label_smoothing=smoothing)(rewards(gap, torch.zeros(1))).loss
    loss.backward()
    assert loss.item() == pytest.approx(least, abs=1e-6)
    assert gap.grad is not None and gap.grad.item() == pytest.approx(0, abs=1e-7)


def test_swapped_sides_with_the_complement_label_cost_the_same() -> None:
    q = torch.tensor([0.9, 0.6, 0.5, 1.0])
    ahead = BradleyTerry()(rewards(soft_label=q)).loss
    behind = BradleyTerry()(rewards(REJECTED, CHOSEN, soft_label=1 - q)).loss
    assert ahead.item() == pytest.approx(behind.item(), abs=1e-6)


@pytest.mark.parametrize(("gap", "loss", "slope"), [(-200.0, 200.0, -1.0), (-30.0, 30.0, -1.0), (200.0, 0.0, 0.0)])
def test_extreme_gaps_stay_finite(gap: float, loss: float, slope: float) -> None:
    """A constant inside the logarithm, log(s(D) + 1e-5), would end the loss at 11.5129 and the slope at 0."""
    chosen = torch.tensor([gap], requires_grad=True)
    found = BradleyTerry()(rewards(chosen, torch.zeros(1))).loss
    found.backward()
    assert found.item() == pytest.approx(loss)
    assert chosen.grad is not None and chosen.grad.item() == pytest.approx(slope)


def test_accuracy_is_strict_and_ignores_the_margin() -> None:
    step = BradleyTerry(use_margin=True)(rewards(margin=torch.full((4,), 10.0)))
    assert step.metrics.keys() == {"accuracy", "margin", "reward"}
    assert step.metrics["accuracy"].item() == 0.5
    assert step.metrics["margin"].item() == pytest.approx((CHOSEN - REJECTED).mean().item())
    assert step.metrics["reward"].item() == pytest.approx(torch.cat([CHOSEN, REJECTED]).mean().item())


GOLDEN = rewards(
    torch.tensor([2.0, 0.5, -1.0, 3.0]), torch.tensor([1.0, 1.0, -1.5, -2.0]), margin=torch.tensor([1.0, 2.0, 3.0, 1.0])
)


@pytest.mark.parametrize(
    ("settings", "loss"),
    [
        pytest.param({}, 0.44203275, id="plain"),
        pytest.param({"use_margin": True}, 1.46726914, id="margin"),
        pytest.param({"scaled": True}, 0.92259049, id="scaled"),
        pytest.param({"label_smoothing": 0.1}, 0.59203275, id="smoothed"),
        pytest.param({"center": 0.01}, 0.48828275, id="centred"),
        pytest.param({"shrink": 0.005}, 0.47015775, id="shrunk"),
    ],
)
def test_worked_numbers(settings: dict[str, float], loss: float) -> None:
    assert BradleyTerry.model_validate(settings)(GOLDEN).loss.item() == pytest.approx(loss, abs=1e-6)


@pytest.mark.parametrize(
    ("settings", "rows"),
    [
        pytest.param({}, [0.31326169, 0.97407698, 0.47407698, 0.00671535], id="plain"),
        pytest.param({"use_margin": True}, [0.69314718, 2.57888973, 2.57888973, 0.01814993], id="margin"),
        pytest.param({"scaled": True}, [0.31326169, 1.94815397, 1.42223095, 0.00671535], id="scaled"),
    ],
)
def test_worked_numbers_of_each_pair(settings: dict[str, float], rows: list[float]) -> None:
    """Weights that leave one pair of four make the mean a quarter of that pair's loss."""
    objective = BradleyTerry.model_validate(settings)
    found = [4 * objective(GOLDEN._replace(weight=one)).loss.item() for one in torch.eye(4)]
    assert found == pytest.approx(rows, abs=1e-6)


def test_worked_gradient() -> None:
    chosen, rejected = GOLDEN.chosen.clone().requires_grad_(), GOLDEN.rejected.clone().requires_grad_()
    BradleyTerry()(GOLDEN._replace(chosen=chosen, rejected=rejected)).loss.backward()
    assert chosen.grad is not None and rejected.grad is not None
    assert chosen.grad.tolist() == pytest.approx([-0.06723536, -0.15561483, -0.09438517, -0.00167321], abs=1e-7)
    assert rejected.grad.equal(-chosen.grad)


def test_scaling_multiplies_the_gradient_and_a_margin_of_0_leaves_none() -> None:
    margin = torch.tensor([1.0, 3.0, 0.0, 2.0])
    slopes: list[Tensor] = []
    for scaled in (False, True):
        chosen = CHOSEN.clone().requires_grad_()
        BradleyTerry(scaled=scaled)(rewards(chosen, margin=margin)).loss.backward()
        assert chosen.grad is not None
        slopes.append(chosen.grad)
    assert torch.allclose(slopes[1], margin * slopes[0], rtol=1e-6)
    assert slopes[1][2] == 0


@pytest.mark.parametrize(
    ("margin", "shifted", "slope", "scaled"),
    [(1.0, 1.313262, 0.731059, 0.693147), (2.0, 2.126928, 0.880797, 1.386294), (3.0, 3.048587, 0.952574, 2.079442)],
)
def test_margins_at_equal_rewards(margin: float, shifted: float, slope: float, scaled: float) -> None:
    zero, m = torch.zeros(1), torch.tensor([margin])
    chosen = torch.zeros(1, requires_grad=True)
    loss = BradleyTerry(use_margin=True)(rewards(chosen, zero, margin=m)).loss
    loss.backward()
    assert chosen.grad is not None
    assert (loss.item(), chosen.grad.item()) == pytest.approx((shifted, -slope), abs=1e-6)
    chosen.grad = None
    loss = BradleyTerry(scaled=True)(rewards(chosen, zero, margin=m)).loss
    loss.backward()
    assert chosen.grad is not None
    assert (loss.item(), chosen.grad.item()) == pytest.approx((scaled, -margin / 2), abs=1e-6)


def test_a_scaled_pair_counts_as_often_as_its_margin_says() -> None:
    margin = torch.tensor([1.0, 3.0, 0.0, 2.0])
    times = margin.long()
    repeated = rewards(CHOSEN.repeat_interleave(times), REJECTED.repeat_interleave(times))
    step = BradleyTerry(scaled=True)(rewards(margin=margin))
    assert (step.loss * 4).item() == pytest.approx((BradleyTerry()(repeated).loss * 6).item(), rel=1e-6)
    assert step.metrics["with_margin"].item() == 0.75


def test_squared_ties_pull_equals_together_and_leave_the_rest_alone() -> None:
    """0.3 * (0.7 - 0.2)^2 for the tie; the other pairs as ever."""
    q = torch.tensor([0.5, 1.0, 1.0, 1.0])
    plain = BradleyTerry()(rewards(weight=torch.tensor([0.0, 1.0, 1.0, 1.0]))).loss.item()
    loss = BradleyTerry(square_ties=0.3)(rewards(soft_label=q)).loss.item()
    assert loss == pytest.approx(plain + 0.3 * 0.25 / 4)
