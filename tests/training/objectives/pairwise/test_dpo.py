from __future__ import annotations

import math

import pytest
import torch

from tests.training.objectives.pairwise.conftest import GOLDEN, logps, of
from training.objectives.pairwise.dpo import DPO


@pytest.mark.parametrize(("smoothing", "loss"), [(0.0, 0.620957048), (0.1, 0.635957048)], ids=["sigmoid", "cdpo"])
def test_worked_number(smoothing: float, loss: float) -> None:
    """-log s(0.15) = 0.620957; smoothed by 0.1: + 0.1 * 0.15."""
    assert DPO(beta=0.1, label_smoothing=smoothing)(of(*GOLDEN)).loss.item() == pytest.approx(loss, abs=1e-6)


def test_a_soft_label_is_smoothing() -> None:
    soft = DPO(beta=0.1)(of(*GOLDEN, soft_label=0.9)).loss
    assert soft.item() == pytest.approx(0.635957048, abs=1e-6)


def test_metrics_of_the_worked_number() -> None:
    metrics = {name: value.item() for name, value in DPO(beta=0.1)(of(*GOLDEN)).metrics.items()}
    expected = {"accuracy": 1.0, "margin": 0.15, "chosen_reward": 0.1, "rejected_reward": -0.05, "chosen_logp": -12.0}
    assert metrics == pytest.approx(expected, abs=1e-6)


def test_equal_to_the_reference_is_log_two() -> None:
    """Loss ln 2, rewards 0, strict accuracy 0, gradient of the gap -beta/2 per pair."""
    chosen = torch.tensor([-12.0], requires_grad=True)
    rejected = torch.tensor([-15.0])
    step = DPO(beta=0.1)(logps(chosen, rejected, chosen.detach(), rejected))
    step.loss.backward()
    assert step.loss.item() == pytest.approx(math.log(2), abs=1e-7)
    assert step.metrics["accuracy"] == step.metrics["margin"] == 0
    assert chosen.grad is not None and chosen.grad.item() == pytest.approx(-0.05)


@pytest.mark.parametrize("d", [0.3, 1.5, 7.0, 40.0])
def test_loss_minus_flipped_loss_is_minus_beta_d(d: float) -> None:
    ahead, behind = (DPO(beta=0.2)(of(value, 0.0, 0.0, 0.0)).loss.item() for value in (d, -d))
    assert ahead - behind == pytest.approx(-0.2 * d, rel=1e-5)


def test_swapping_sides_negates_the_gap() -> None:
    a, b, c, d = GOLDEN
    assert DPO().gap(of(a, b, c, d)).item() == -DPO().gap(of(b, a, d, c)).item()


def test_smoothed_loss_is_least_where_the_chance_is_one_minus_epsilon() -> None:
    """s(gap) = 0.9 at gap = log 9: no gradient there."""
    chosen = torch.tensor([math.log(9.0)], requires_grad=True)
    zero = torch.zeros(1)
    DPO(beta=1.0, label_smoothing=0.1)(logps(chosen, zero, zero, zero)).loss.backward()
    assert chosen.grad is not None and chosen.grad.item() == pytest.approx(0, abs=1e-6)


def test_large_beta_approaches_the_hinge() -> None:
    """-log s(beta d) / beta -> max(0, -d)."""
    for d, hinge in ((-2.0, 2.0), (2.0, 0.0)):
        assert DPO(beta=100.0)(of(d, 0.0, 0.0, 0.0)).loss.item() / 100 == pytest.approx(hinge, abs=1e-6)


def test_no_gradient_at_the_tabular_optimum() -> None:
    """With endless Bradley-Terry pairs the policy ref * exp(r / beta) is stationary (arXiv:2305.18290, eq. 4)."""
    beta, reward = 0.5, torch.tensor([1.0, -0.3, 0.4], dtype=torch.float64)
    reference = torch.tensor([0.2, 0.5, 0.3], dtype=torch.float64).log()
    policy = (reference + reward / beta).clone().requires_grad_()
    i, j = (~torch.eye(3, dtype=torch.bool)).nonzero().T
    share = torch.sigmoid(reward[i] - reward[j])
    normal = policy.log_softmax(0)
    DPO(beta=beta)(logps(normal[i], normal[j], reference[i], reference[j], weight=share)).loss.backward()
    assert policy.grad is not None and policy.grad.abs().max() < 1e-12


def test_weight_two_counts_as_two_pairs() -> None:
    double = DPO()(of(*GOLDEN, weight=2.0)).loss.item()
    assert double == pytest.approx(2 * DPO()(of(*GOLDEN)).loss.item())


@pytest.mark.parametrize(
    ("settings", "loss"),
    [
        ({"per_token": True}, 0.686088934),
        ({"divergence": "forward_kl"}, 0.631154384),
        ({"divergence": "js"}, 0.660652163),
        ({"divergence": "alpha", "alpha": 0.5}, 0.627690947),
        ({"gamma": 1.0}, 0.718459648),
        ({"length_penalty": 0.01}, 0.630258195),
        ({"keep_chosen": 5.0}, 0.620957048),
        ({"nll": 0.5}, 0.620957048 + 0.6),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, dict) else "",
)
def test_worked_numbers_of_the_kin(settings: dict[str, float], loss: float) -> None:
    """The margin is 0.2; the chosen response has -12 nats in 10 tokens, and has lost nothing."""
    assert DPO.model_validate(settings)(of(*GOLDEN, margin=0.2)).loss.item() == pytest.approx(loss, abs=1e-6)


def test_dpo_positive_counts_what_the_chosen_response_has_lost() -> None:
    """A log-ratio of -1 for chosen, d = 1.5, so -log s(0.1 * (1.5 - 5 * 1))."""
    loss = DPO(keep_chosen=5.0)(of(-14.0, -17.0, -13.0, -14.5)).loss
    assert loss.item() == pytest.approx(0.883382155, abs=1e-6)


def test_a_margin_of_strength_zero_is_plain_dpo_and_a_larger_one_pulls_harder() -> None:
    def slope(gamma: float, margin: float) -> float:
        chosen = torch.tensor([-12.0], requires_grad=True)
        rest = of(*GOLDEN, margin=margin)
        DPO(gamma=gamma)(rest._replace(chosen=chosen)).loss.backward()
        assert chosen.grad is not None
        return chosen.grad.item()

    assert slope(0.0, 3.0) == slope(0.0, 0.0) == slope(1.0, 0.0)
    assert slope(1.0, 3.0) < slope(1.0, 1.0) < slope(1.0, 0.0) < 0


def test_each_pair_of_a_batch_is_asked_for_its_own_margin() -> None:
    """`methods/data.md` 31.23: what was each pair's own was overwritten by one value of the batch."""
    batch = logps(*(torch.full((2,), value) for value in GOLDEN), margin=torch.tensor([0.0, 3.0]))
    singly = [DPO(gamma=1.0)(of(*GOLDEN, margin=margin)).loss.item() for margin in (0.0, 3.0)]
    assert DPO(gamma=1.0)(batch).loss.item() == pytest.approx(sum(singly) / 2)


@pytest.mark.parametrize("divergence", ["forward_kl", "js", "alpha"])
def test_a_divergence_is_the_reverse_kl_near_the_reference(divergence: str) -> None:
    """All have slope 1 in the log-ratio there, but for the half of Jensen and Shannon's."""
    objective = DPO.model_validate({"divergence": divergence})
    slope = objective.gap(of(-10.001, -10.0, -10.0, -10.0)).item() / (0.1 * -0.001)
    assert slope == pytest.approx(0.5 if divergence == "js" else 1.0, rel=1e-2)


def test_alpha_near_one_is_the_reverse_kl_and_near_zero_the_forward_one() -> None:
    def gap(**settings: object) -> float:
        return DPO.model_validate(settings).gap(of(*GOLDEN)).item()

    assert gap(divergence="alpha", alpha=0.9999) == pytest.approx(gap(), abs=1e-4)
    assert gap(divergence="alpha", alpha=0.0001) == pytest.approx(gap(divergence="forward_kl"), abs=1e-4)
