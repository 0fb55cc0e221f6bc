from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor
from torch.nn.functional import logsigmoid

from tests.training.conftest import pair_row, pair_table, write_version
from training.checkpoint import load_reward
from training.evaluate.rewards import rewards_of
from training.objectives.lists import rankings
from training.objectives.reward.plackett_luce import PlackettLuce, Rankings
from training.prepare import prepare_pairs
from training.score import RewardScorer
from training.tokens import encode
from training.train import train

A, B, C, D = "w1 good", "w2 good good", "w3 bad", "w4 bad bad"


def loss_of(*lists: list[float], weight: list[float] | None = None) -> Tensor:
    """The loss of lists of rewards, best first, padded with what must not be read."""
    width = max(map(len, lists))
    rewards = torch.tensor([[*one, *[float("nan")] * (width - len(one))] for one in lists], dtype=torch.float64)
    there = ~rewards.isnan()
    given = torch.ones(len(lists)) if weight is None else torch.tensor(weight)
    return PlackettLuce()(Rankings(rewards.nan_to_num(777.0), there, given)).loss


@given(st.floats(-30, 30), st.floats(-30, 30))
def test_a_list_of_two_is_a_bradley_terry_pair(chosen: float, rejected: float) -> None:
    expected = -logsigmoid(torch.tensor(chosen - rejected, dtype=torch.float64)).item()
    assert loss_of([chosen, rejected]).item() == pytest.approx(expected, rel=1e-9, abs=1e-12)


def test_equal_rewards_make_every_order_alike() -> None:
    """-log P of any order of four is log 4!."""
    assert loss_of([2.0] * 4).item() == pytest.approx(math.log(24))


def test_worked_number() -> None:
    """r = (2, 1, -0.5): log(1 + e^-1 + e^-2.5) + log(1 + e^-1.5) = 0.371539 + 0.201413."""
    assert loss_of([2.0, 1.0, -0.5]).item() == pytest.approx(0.5729521, abs=1e-6)


@given(st.lists(st.floats(-5, 5), min_size=2, max_size=5), st.floats(-20, 20))
def test_a_shift_of_a_whole_list_changes_nothing(rewards: list[float], shift: float) -> None:
    moved = [reward + shift for reward in rewards]
    assert loss_of(moved).item() == pytest.approx(loss_of(rewards).item(), abs=1e-9)


def test_short_lists_cost_what_they_cost_alone() -> None:
    long, short = [2.0, 1.0, -0.5], [0.3, 0.1]
    together = loss_of(long, short, weight=[1.0, 3.0]).item()
    assert together == pytest.approx((loss_of(long).item() + 3 * loss_of(short).item()) / 2)


def test_no_gradient_reaches_what_is_behind_the_end() -> None:
    rewards = torch.tensor([[1.0, 0.0, 5.0]], requires_grad=True)
    there = torch.tensor([[True, True, False]])
    PlackettLuce()(Rankings(rewards, there, torch.ones(1))).loss.backward()
    assert rewards.grad is not None
    assert rewards.grad[0].tolist() == pytest.approx([-0.268941, 0.268941, 0.0], abs=1e-6)


def test_the_best_goes_up_and_the_worst_down() -> None:
    """At equal rewards of three: -1 + 1/3 for the first, 1/3 - 1 + 1/2 for the second, 1/3 + 1/2 for the last."""
    rewards = torch.zeros(1, 3, dtype=torch.float64, requires_grad=True)
    PlackettLuce()(Rankings(rewards, torch.ones(1, 3, dtype=torch.bool), torch.ones(1))).loss.backward()
    assert rewards.grad is not None
    assert rewards.grad[0].tolist() == pytest.approx([-2 / 3, -1 / 6, 5 / 6])


@pytest.mark.parametrize("order", [(1e4, 0.0, -1e4), (-1e4, 0.0, 1e4), (1e4, 1e4, -1e4)])
def test_lists_of_extreme_rewards_stay_finite(order: tuple[float, ...]) -> None:
    rewards = torch.tensor([[*order, 777.0]], requires_grad=True)
    there = torch.tensor([[True, True, True, False]])
    step = PlackettLuce()(Rankings(rewards, there, torch.ones(1)))
    step.loss.backward()
    assert all(value.isfinite() for value in (step.loss, *step.metrics.values()))
    assert rewards.grad is not None and rewards.grad.isfinite().all()


def rows(*pairs: tuple[str, str], prompt: str = "p", weight: float = 1.0) -> list[dict[str, object]]:
    return [pair_row(1, *pair, prompt_id=prompt, weight=weight) for pair in pairs]


@pytest.mark.parametrize(
    ("pairs", "lists"),
    [
        pytest.param([(A, B), (B, C), (A, C)], [[A, B, C]], id="all compared"),
        pytest.param([(B, C), (A, B)], [[A, B, C]], id="a chain"),
        pytest.param([(A, B), (A, C)], [[A, B], [A, C]], id="second and third open"),
        pytest.param([(A, B), (B, C), (C, A)], [[A, B], [B, C], [C, A]], id="a circle"),
        pytest.param([(A, B), (C, D)], [[A, B], [C, D]], id="apart"),
    ],
)
def test_pairs_become_a_list_where_their_order_leaves_no_doubt(
    pairs: list[tuple[str, str]], lists: list[list[str]]
) -> None:
    texts = [chosen for chosen, _ in pairs] + [rejected for _, rejected in pairs]
    found = rankings(pair_table(rows(*pairs)))
    assert [[texts[place] for place in ranks] for ranks, _ in found] == lists
    assert sorted(pair for _, members in found for pair in members) == list(range(len(pairs)))


def test_prompts_do_not_mix_and_two_prompts_make_no_list() -> None:
    other = [{"role": "user", "content": "say it"}]
    table = pair_table([
        *rows((A, B)), *rows((B, C), prompt="q"), pair_row(1, C, C, prompt_id="p", rejected_prompt=other),
    ])  # fmt: skip
    assert sorted(ranks for ranks, _ in rankings(table)) == [[0, 3], [1, 4], [2, 5]]


def test_a_batch_holds_each_response_of_a_list_once(model_folder: Path) -> None:
    loaded = load_reward(model_folder)
    table = pair_table([*rows((A, B), (B, C), (A, C), weight=2.0), *rows((D, A), prompt="q", weight=0.5)])
    part = prepare_pairs(table, loaded.tokenizer, 64)
    lists = PlackettLuce().examples(part)
    assert (len(lists), lists.weight.tolist(), lists.units.tolist()) == (2, [2.0, 0.5], [1, 1])
    batch = lists.batch(torch.tensor([1, 0]))
    assert batch.places.tolist() == [[0, 2, -1], [1, 3, 4]]
    with torch.no_grad():
        found = RewardScorer(loaded.model).eval()(batch).rewards[:, 0]
    prompt = [{"role": "user", "content": "say w1 it"}]
    said = rewards_of(loaded, [(prompt, text) for text in (D, A, A, B, C)])
    assert found.tolist() == pytest.approx(said.tolist(), abs=1e-6)
    sides = [len(one.ids) for one in encode(loaded.tokenizer, [prompt] * 4, [A, B, C, D])]
    assert lists.tokens.tolist() == [sum(sides[:3]), sides[0] + sides[3]]
    assert lists.lengths.tolist() == [max(sides[:3]), max(sides[0], sides[3])]


def test_lists_train_a_reward_model(model_folder: Path, tmp_path: Path) -> None:
    table = pair_table([
        pair_row(n, *(f"w{n} {word}" for word in pair), prompt_id=f"prompt{n}")
        for n in range(30)
        for pair in (("good", "it"), ("it", "bad"), ("good", "bad"))
    ])  # fmt: skip
    folder = write_version(tmp_path / "data", table)
    changes = {"epochs": 10, "batch_size": 8, "learning_rate": 3e-3, "max_length": 64}
    metrics = train("plackett_luce", folder, model_folder, tmp_path / "out", changes).metrics
    assert metrics["train_total_steps"] == 30
    assert metrics["test_accuracy"] == 1.0
