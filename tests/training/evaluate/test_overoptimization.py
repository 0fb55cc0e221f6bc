from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from schemas.errors import InputError
from training.evaluate.best_of_n import expected_best, kl_of_best
from training.evaluate.overoptimization import Fitted, Law, best_of_n_curve, checkpoint_curve, fitted
from training.objectives.pairwise import PairLogps
from training.objectives.pairwise.dpo import DPO

LAWS: tuple[Law, ...] = ("best_of_n", "rl")
PROMPTS = [f"prompt {n}" for n in range(200)]
DISTANCES = np.linspace(0, 4, 9)


@given(st.sampled_from(LAWS), st.floats(-2, 2), st.floats(-2, 2))
def test_a_law_is_found_again(law: Law, alpha: float, beta: float) -> None:
    truth = Fitted(law=law, alpha=alpha, beta=beta)
    found = fitted(law, DISTANCES, [truth.at(d) for d in DISTANCES])
    assert (found.alpha, found.beta) == pytest.approx((alpha, beta), abs=1e-6)


def test_worked_peak_of_best_of_n() -> None:
    law = Fitted(law="best_of_n", alpha=1.0, beta=0.1)
    assert (law.peak, law.at(law.peak), law.zero) == pytest.approx((5.0, 2.5, 10.0))


def test_worked_peak_of_rl() -> None:
    law = Fitted(law="rl", alpha=1.0, beta=0.4)
    assert (law.peak, law.at(law.peak), law.zero) == pytest.approx((4.4816891, 1.7926756, 12.1824940))


@given(st.sampled_from(LAWS), st.floats(0.01, 2), st.floats(0.1, 2), st.floats(0, 30))
def test_nothing_is_above_the_peak_and_all_beyond_the_zero_is_below_0(
    law: Law, alpha: float, beta: float, distance: float
) -> None:
    one = Fitted(law=law, alpha=alpha, beta=beta)
    assert one.at(distance) <= one.at(one.peak) + 1e-9
    assert one.at(one.zero) == pytest.approx(0, abs=1e-6)
    assert one.at(one.zero + 1) < 0


@pytest.mark.parametrize("law", LAWS)
def test_what_does_not_bend_down_has_no_peak(law: Law) -> None:
    assert Fitted(law=law, alpha=1.0, beta=0.0).peak == math.inf
    assert Fitted(law=law, alpha=1.0, beta=1e-9).zero > 1e6


def test_what_falls_from_the_start_has_its_peak_there() -> None:
    law = Fitted(law="best_of_n", alpha=-1.0, beta=0.5)
    assert (law.peak, law.zero) == (0.0, 0.0)


@pytest.mark.parametrize("distances", [[0.0, 0.0], [0.0, 1.0], [1.0, 1.0]])
def test_one_distance_makes_no_law(distances: list[float]) -> None:
    with pytest.raises(InputError, match="two distances above 0"):
        fitted("rl", distances, [0.0, 1.0])


def noisy(samples: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Gold, and a proxy whose greatest values are errors: one sample in twenty is bad and scores high."""
    chance = np.random.default_rng(seed)
    gold = chance.normal(size=(len(PROMPTS), samples))
    fooled = chance.random(gold.shape) < 0.05
    return np.where(fooled, 6.0, gold) + chance.normal(scale=0.3, size=gold.shape), np.where(fooled, -2.0, gold)


def test_a_proxy_that_is_fooled_turns_the_gold_down() -> None:
    proxy, gold = noisy(64)
    curve = best_of_n_curve(proxy, gold, PROMPTS, [32, 1, 2, 4, 8, 16, 64])
    assert curve.points == (1, 2, 4, 8, 16, 32, 64)
    assert (np.diff(curve.proxy.mean(1)) > 0).all()
    assert 0 < curve.peak < 6
    fall = curve.fall()
    assert 0 < fall.low < fall.value < fall.high
    law = curve.fit()
    assert law.beta > 0
    assert 0 < law.peak < curve.distances[-1]


def test_gold_itself_does_not_turn_down() -> None:
    _, gold = noisy(64)
    curve = best_of_n_curve(gold, gold, PROMPTS, [1, 4, 16, 64])
    assert curve.peak == 3
    assert curve.fall().value == 0


def test_an_idle_proxy_has_no_fall_that_is_not_noise() -> None:
    """The peak of noise lies above the last point; found on the other half of the prompts, it does not."""
    chance = np.random.default_rng(1)
    proxy, gold = chance.normal(size=(2, len(PROMPTS), 64))
    fall = best_of_n_curve(proxy, gold, PROMPTS, [1, 2, 4, 8, 16, 32, 64]).fall()
    assert fall.low < 0 < fall.high


def test_every_prompt_starts_at_0_and_is_measured_in_deviations_of_the_start() -> None:
    proxy, gold = noisy(16)
    curve = best_of_n_curve(5 + 100 * proxy, gold / 7, PROMPTS, [1, 4])
    assert np.abs(curve.proxy[0]).max() < 1e-9
    assert np.abs(curve.gold[0]).max() < 1e-9
    plain = best_of_n_curve(proxy, gold, PROMPTS, [1, 4])
    assert np.allclose(curve.proxy, plain.proxy)
    assert np.allclose(curve.gold, plain.gold)
    assert np.allclose(plain.gold[1], (expected_best(proxy, gold, 4) - gold.mean(1)) / gold.std())


def test_checkpoints_follow_their_divergence_from_the_first() -> None:
    chance = np.random.default_rng(0)
    law = Fitted(law="rl", alpha=1.0, beta=0.7)
    kl = np.array([0.0, 9.0, 1.0, 4.0, 2.0, 16.0, 0.25, 0.5])
    start = chance.normal(size=len(PROMPTS))
    start = (start - start.mean()) / start.std()
    gold = np.stack([start + law.at(math.sqrt(one)) for one in kl])
    curve = checkpoint_curve(kl, gold * 3 + 1, gold, PROMPTS)
    assert curve.points == (0, 6, 7, 2, 4, 3, 1, 5)
    found = curve.fit()
    assert (found.alpha, found.beta) == pytest.approx((1.0, 0.7), abs=1e-6)
    figures = curve.figures()
    assert figures["law_peak_distance"] == pytest.approx(math.exp(1 / 0.7 - 1))
    assert figures["peak_distance"] == pytest.approx(math.sqrt(2.0))
    assert figures["fall"] == pytest.approx(law.at(math.sqrt(2.0)) - law.at(4.0))


@pytest.mark.parametrize("kl", [[0.5, 1.0, 2.0], [0.0, -0.1, 2.0]])
def test_divergences_begin_at_the_starting_policy(kl: list[float]) -> None:
    with pytest.raises(InputError, match="whose KL is 0"):
        checkpoint_curve(kl, np.eye(3), np.eye(3), ["a", "b", "c"])


def test_rows_draw_the_curve() -> None:
    proxy, gold = noisy(16)
    curve = best_of_n_curve(proxy, gold, PROMPTS, [1, 2, 4, 8, 16])
    rows = curve.rows()
    assert [(row["score"], row["point"]) for row in rows[::5]] == [("proxy", 1), ("gold", 1)]
    assert rows[-1]["distance"] == pytest.approx(math.sqrt(kl_of_best(16)))
    assert all(row["low"] <= row["value"] <= row["high"] for row in rows)
    assert [row["law"] is None for row in rows] == [True] * 5 + [False] * 5


@pytest.mark.parametrize("counts", [[4], [1, 2]])
def test_too_few_points_for_a_law_have_figures_without_one(counts: list[int]) -> None:
    proxy, gold = noisy(4)
    curve = best_of_n_curve(proxy, gold, PROMPTS, counts)
    whole = best_of_n_curve(proxy, gold, PROMPTS, [1, 2, 4])
    assert curve.gold[-1].mean() == whole.gold[whole.points.index(counts[-1])].mean()
    assert {row["law"] for row in curve.rows()} == {None}
    assert {*whole.figures()} - {*curve.figures()} == {
        "alpha", "beta", "law_peak_distance", "law_peak_gold", "law_zero_distance",
    }  # fmt: skip


def test_equal_scores_have_no_scale() -> None:
    with pytest.raises(InputError, match="no scale"):
        best_of_n_curve(np.ones((3, 4)), np.ones((3, 4)), ["a", "b", "c"], [1, 2, 4])


def by_dpo(
    beta: float, steps: int, features: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor, list[dict[str, float]]]:
    """Log-probabilities [3] of a policy over three answers, before and after DPO on the first two of them, whose label
    is 3 to 1; and the metrics on the way. Its logits are features [3, W] times W weights.
    """
    weights = torch.zeros(features.shape[1], requires_grad=True)
    base = torch.tensor([0.0, 0.0, 2.0])
    reference = base.log_softmax(0)
    one, metrics = torch.ones(1), []
    for _ in range(steps):
        logps = (base + features @ weights).log_softmax(0)
        sides = (logps[:1], logps[1:2], reference[:1], reference[1:2])
        step = DPO(beta=beta)(PairLogps(*sides, one, one, 0 * one, one, 0.75 * one))
        (gradient,) = torch.autograd.grad(step.loss, weights)
        metrics.append({name: value.item() for name, value in step.metrics.items()})
        weights.data -= gradient / beta**2
    return reference, (base + features @ weights.detach()).log_softmax(0), metrics


def test_a_strong_pull_leaves_the_policy_where_it_was() -> None:
    """The optimum is a gap of logit(.75) / beta nats."""
    divergences = []
    for beta in (0.3, 1.0, 3.0, 10.0):
        before, after, metrics = by_dpo(beta, 200, torch.eye(3)[:, :2])
        assert metrics[-1]["margin"] == pytest.approx(math.log(3), rel=1e-3)
        divergences.append(float((after.exp() * (after - before)).sum()))
    assert divergences == sorted(divergences, reverse=True)
    assert divergences[-1] < 0.01 * divergences[0]


def test_a_chosen_answer_may_lose_probability_while_the_margin_grows() -> None:
    """The two answers share a feature, and the rejected one has more of it. Both series are among the metrics."""
    _, _, metrics = by_dpo(1.0, 50, torch.tensor([[1.0], [2.0], [0.0]]))
    assert metrics[-1]["margin"] > metrics[0]["margin"] + 0.5
    assert metrics[-1]["chosen_logp"] < metrics[0]["chosen_logp"] - 0.1
