from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tests.training.shaping.conftest import SMALL, close, given_rewards, shaped
from training.shaping import Given
from training.shaping.log_sigmoid import LogSigmoid

THREE = (0.1, 0.5, -0.4)


def attributes(gaps: list[float]) -> Given:
    """One response whose attributes lie so far above their only reference."""
    return Given(torch.tensor([gaps]), torch.zeros(1, 1, len(gaps)), torch.ones(1))


def test_worked_number() -> None:
    """The 85 % quantile of mean .0667 and population deviation .3682 is .4482594."""
    found = shaped({"name": "log_sigmoid", "fewest": 3}, given_rewards([1.3], THREE))
    assert found == close([-0.3553441])
    assert found == close([math.log(1 / (1 + math.exp(0.4482594 - 1.3)))])


def test_a_few_references_count_by_their_mean() -> None:
    mean = sum(THREE) / 3
    assert shaped("log_sigmoid", given_rewards([1.3], THREE)) == close([-math.log1p(math.exp(mean - 1.3))])


def test_and_of_two_attributes() -> None:
    assert shaped("log_sigmoid", attributes([0.0, 2.0])) == close([-0.8200752])


@given(st.lists(SMALL, min_size=1, max_size=4))
def test_a_sum_is_the_log_of_a_product_of_chances(gaps: list[float]) -> None:
    product = math.prod(1 / (1 + math.exp(-gap)) for gap in gaps)
    assert math.exp(shaped("log_sigmoid", attributes(gaps))[0]) == pytest.approx(product, rel=1e-4)


@given(SMALL)
def test_returns_diminish(gap: float) -> None:
    """du/dr = s(-gap): 1 for the very bad, 0 for the very good."""
    rewards = torch.tensor([gap], requires_grad=True)
    LogSigmoid()(Given(rewards, torch.zeros(1, 1), torch.ones(1)), {}).rewards.sum().backward()
    assert rewards.grad is not None
    assert rewards.grad.item() == pytest.approx(1 / (1 + math.exp(gap)), rel=1e-5)


def test_far_below_it_is_the_gap_itself() -> None:
    assert shaped("log_sigmoid", attributes([-1000.0])) == [-1000.0]


@given(st.lists(SMALL, min_size=3, max_size=3), st.lists(st.floats(0.05, 1), min_size=3, max_size=3))
def test_the_best_policy_is_the_posterior_given_that_the_answer_is_good(gaps: list[float], others: list[float]) -> None:
    """max E[u] - KL(pi, pi0) is at pi0 * s(gap), normalised; no other policy has more, and its value is log E0[s]."""
    start = np.array([0.5, 0.3, 0.2])
    utility = np.array(shaped("log_sigmoid", given_rewards(gaps)))
    good = start * (1 / (1 + np.exp(-np.array(gaps))))

    def value(policy: np.ndarray) -> float:
        return float((policy * (utility - np.log(policy / start))).sum())

    assert value(good / good.sum()) == pytest.approx(math.log(good.sum()), abs=1e-5)
    other = np.array(others) / sum(others)
    assert value(other) <= value(good / good.sum()) + 1e-6
