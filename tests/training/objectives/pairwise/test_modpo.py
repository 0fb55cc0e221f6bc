from __future__ import annotations

import math
from itertools import product
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from schemas.errors import ConfigError, InputError
from tests.training.conftest import pair_row, pair_table, write_version
from tests.training.objectives.pairwise.conftest import GOLDEN, logps, of
from training.checkpoint import load_policy, save
from training.evaluate.ensemble import Ensemble, Member
from training.evaluate.implicit_reward import Implicit, implicit_rewards
from training.evaluate.rewards import rewards_of
from training.jobs import settings_of
from training.objectives.pairwise import PAIRWISE
from training.objectives.pairwise.dpo import DPO
from training.objectives.pairwise.modpo import MODPO
from training.prepare import prepare_pairs
from training.train import train

NATS = st.floats(-300, -1, width=32)
FAST = {"batch_size": 16, "learning_rate": 3e-3, "max_length": 64}


def weighed(*weights: float, beta: float = 0.1) -> MODPO:
    """With models that nobody asks."""
    return MODPO(weights=weights, margin_models=("model",) * (len(weights) - 1), beta=beta)


def test_worked_number() -> None:
    """Weights 0.6 and 0.4, margins 0.5 and -0.25: -log s((0.1 * 1.5 - 0.4 * 0.75) / 0.6)."""
    found = weighed(0.6, 0.4)(of(*GOLDEN, margin=0.4 * (0.5 + 0.25))).loss.item()
    assert found == pytest.approx(0.825939420, abs=1e-9)


@given(NATS, NATS, NATS, NATS, st.floats(0, 1))
def test_with_all_weight_on_the_labels_it_is_dpo(a: float, b: float, c: float, d: float, soft_label: float) -> None:
    pair = of(a, b, c, d, soft_label=soft_label)
    assert weighed(1.0, 0.0)(pair).loss.equal(DPO()(pair).loss)


@given(NATS, NATS, NATS, NATS, st.floats(0.1, 1))
def test_where_the_others_are_indifferent_it_is_dpo_with_a_larger_beta(
    a: float, b: float, c: float, d: float, weight: float
) -> None:
    pair = of(a, b, c, d)
    expected = DPO(beta=0.1 / weight)(pair).loss.item()
    assert weighed(weight, 1 - weight)(pair).loss.item() == pytest.approx(expected, rel=1e-9, abs=1e-12)


@given(NATS, NATS, st.floats(-3, 3), st.floats(0.1, 1))
def test_at_the_reference_the_others_alone_decide(chosen: float, rejected: float, margin: float, weight: float) -> None:
    found = weighed(weight, 1 - weight)(of(chosen, rejected, chosen, rejected, margin=margin)).loss.item()
    assert found == pytest.approx(math.log1p(math.exp(margin / weight)), rel=1e-9)


def on_endless_pairs(policy: Tensor, reference: Tensor, rewards: Tensor, weights: tuple[float, float]) -> Tensor:
    """The loss of a policy [A], beta 0.5, on all pairs of A responses, labelled by the first of two rewards [2, A]."""
    i, j = (~torch.eye(len(policy), dtype=torch.bool)).nonzero().T
    normal, gaps = policy.log_softmax(0), rewards[:, i] - rewards[:, j]
    treatment = {"weight": torch.sigmoid(gaps[0]), "margin": weights[1] * gaps[1]}
    pairs = logps(normal[i], normal[j], reference[i], reference[j], **treatment)
    return weighed(*weights, beta=0.5)(pairs).loss


def a_bandit(*weights: float) -> tuple[Tensor, Tensor, Tensor]:
    """Log-probabilities [8] of a reference, two rewards [2, 8], and the policy ref * exp(sum of w_k r_k / beta)."""
    chance = torch.Generator().manual_seed(0)
    reference, *rewards = torch.randn(3, 8, generator=chance, dtype=torch.float64)
    both, mixed = torch.stack(rewards), sum(weight * reward for weight, reward in zip(weights, rewards, strict=True))
    return reference.log_softmax(0), both, (reference + mixed / 0.5).log_softmax(0)


def test_no_gradient_at_the_optimum_of_the_weighed_rewards() -> None:
    for at, stays in ((0.6, 0.4), True), ((1.0, 0.0), False):
        reference, rewards, policy = a_bandit(*at)
        policy.requires_grad_()
        (slope,) = torch.autograd.grad(on_endless_pairs(policy, reference, rewards, (0.6, 0.4)), policy)
        assert (slope.abs().max().item() < 1e-7) is stays


def test_a_bandit_finds_the_optimum_of_the_weighed_rewards() -> None:
    reference, rewards, optimum = a_bandit(0.6, 0.4)
    policy = reference.clone().requires_grad_()
    optimizer = torch.optim.LBFGS([policy], max_iter=200, line_search_fn="strong_wolfe")

    def loss() -> Tensor:
        optimizer.zero_grad()
        found = on_endless_pairs(policy, reference, rewards, (0.6, 0.4))
        found.backward()
        return found

    optimizer.step(loss)
    found = policy.detach().log_softmax(0)
    assert (reference.exp() * (reference - optimum)).sum() > 0.1
    assert (found.exp() * (found - optimum)).sum() < 0.01


def test_pairs_that_the_others_would_turn_round_are_counted() -> None:
    pair = of(*GOLDEN)
    three = type(pair)(*(part.repeat(3) for part in pair))._replace(margin=torch.tensor([0.4, -0.1, 0.3]))
    assert weighed(0.5, 0.5)(three).metrics["conflict"].item() == pytest.approx(1 / 3)


@pytest.mark.parametrize(
    "fields",
    [
        {"weights": [0.5, 0.5]},
        {"margin_models": ["model"]},
        {"weights": [0.0, 1.0], "margin_models": ["model"]},
        {"weights": [], "margin_models": []},
    ],
)
def test_weights_that_do_not_fit_are_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match="one above 0 for the pairs' own objective"):
        settings_of("modpo", fields)


def test_a_spec_with_all_kinds_of_models_rebuilds() -> None:
    kinds = ("model", Ensemble(members=(Member(model="m", std=2.0),)), Implicit(policy="p", reference="r"))
    objective = MODPO(weights=(0.4, 0.3, 0.2, 0.1), margin_models=kinds)
    assert PAIRWISE.build(objective.spec()) == objective


def test_without_models_it_says_so(version_folder: Path, model_folder: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="modpo needs `margin_models`"):
        train("modpo", version_folder, model_folder, tmp_path / "out", FAST)


@pytest.fixture(scope="module")
def reward_model(model_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Another objective than the labels': it likes `it` and not `say`, and knows nothing of good and bad."""
    folder = tmp_path_factory.mktemp("reward")
    rows = [pair_row(n, f"w{n} {word} it", f"w{n} {word} say") for n in range(30) for word in ("good", "bad")]
    data = write_version(folder / "data", pair_table(rows))
    return train("reward", data, model_folder, folder / "out", FAST | {"epochs": 10}).path


def test_margins_are_the_weighed_differences_of_the_models(
    model_folder: Path, reward_model: Path, tmp_path: Path
) -> None:  # fmt: skip
    """Of a reward model, of the same one in units of 2, and of what a policy has moved away from its reference."""
    moved = load_policy(model_folder)
    with torch.no_grad():
        for weight in moved.model.parameters():
            weight.add_(torch.randn(weight.shape, generator=torch.Generator().manual_seed(1)), alpha=0.05)
    policy = str(save(tmp_path / "moved", moved))
    models = (
        str(reward_model),
        Ensemble(members=(Member(model=str(reward_model), mean=3.0, std=2.0),)),
        Implicit(policy=policy, reference=str(model_folder), beta=0.3),
    )
    objective = MODPO(weights=(0.4, 0.3, 0.2, 0.1), margin_models=models)
    rows = pair_table([pair_row(n, f"w{n} good it", f"w{n} bad say") for n in range(3)])
    prompts = rows.column("prompt").to_pylist()
    sides = [[*zip(prompts, rows.column(side).to_pylist(), strict=True)] for side in ("chosen", "rejected")]
    first, last = (
        chosen - rejected
        for chosen, rejected in (
            [rewards_of(reward_model, side) for side in sides],
            [implicit_rewards(policy, model_folder, side, beta=0.3) for side in sides],
        )
    )
    expected = (0.3 * first + 0.2 * first / 2 + 0.1 * last).tolist()
    assert min(map(abs, [*first, *last])) > 0.01
    assert objective.margins(rows).tolist() == pytest.approx(expected, abs=1e-5)
    part = prepare_pairs(rows, moved.tokenizer, 64)
    assert objective.examples(part).margin.tolist() == pytest.approx(expected, abs=1e-5)


def test_a_response_that_a_model_cannot_read_is_refused(model_folder: Path, reward_model: Path) -> None:
    rows = pair_table([pair_row(0, "good " * 70, "bad"), pair_row(1, "good", "bad")])
    with pytest.raises(InputError, match=r"cannot read 1 of 4 responses; lower `max_length`"):
        MODPO(weights=(0.5, 0.5), margin_models=(str(reward_model),)).margins(rows)


def test_a_weight_moves_the_policy_towards_the_other_objective(
    model_folder: Path, reward_model: Path, tmp_path: Path
) -> None:  # fmt: skip
    """Labels say good over bad, whatever follows. How a held-out response ends is for the other objective to say."""
    words = ("it", "say")
    rows = [pair_row(n, f"w{n} good {a}", f"w{n} bad {b}") for n in range(30) for a, b in product(words, words)]
    data = write_version(tmp_path / "data", pair_table(rows))
    endings = [
        [([{"role": "user", "content": f"say w{n} it"}], f"w{n} good {word}") for n in range(4, 30, 5)]
        for word in words
    ]

    def ordered(other: float) -> float:
        """Share of held-out prompts after which the policy has come to hold `it` better than `say`."""
        changes = {"epochs": 8, "beta": 0.5, "weights": [1 - other, other], "margin_models": [str(reward_model)]}
        trained = train("modpo", data, model_folder, tmp_path / f"out{other}", FAST | changes)
        assert trained.metrics["test_accuracy"] == 1.0
        it, say = (implicit_rewards(trained.path, model_folder, side) for side in endings)
        return float((it > say).mean())

    assert ordered(0.0) < 0.5
    assert ordered(0.6) == 1.0
