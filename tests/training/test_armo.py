from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from schemas.errors import ConfigError, ModelError
from training.armo import (
    ALPHAS,
    PENALTIES,
    ArmoSettings,
    GateBatch,
    GateScorer,
    attribute_table,
    chosen_ridge,
    debias,
    ridge,
    spearman,
    train_armo,
)
from training.checkpoint import load_reward, read_record, revision_of
from training.evaluate.rewards import rewards_of
from training.gated import Gate, load_gated, weighed
from training.objectives.reward.bradley_terry import BradleyTerry
from training.ratings import Rated

from .conftest import pair_row, pair_table, write_version

CHANCE = torch.Generator().manual_seed(0)
STATES = torch.randn(50, 6, generator=CHANCE, dtype=torch.float64)
TARGET = torch.randn(50, generator=CHANCE, dtype=torch.float64)


@pytest.mark.parametrize("alpha", [1e-3, 1.0, 100.0])
def test_a_ridge_has_no_slope_left(alpha: float) -> None:
    """The gradient of |Zw - y|^2 + a |w|^2 is 0 at the closed form."""
    w = ridge(STATES, TARGET, alpha)
    assert torch.allclose(STATES.T @ (STATES @ w - TARGET) + alpha * w, torch.zeros(6, dtype=torch.float64), atol=1e-9)


def test_a_ridge_is_least_squares_without_strength_and_nothing_with_all() -> None:
    plain = torch.linalg.lstsq(STATES, TARGET[:, None]).solution[:, 0]
    assert torch.allclose(ridge(STATES, TARGET, 1e-12), plain, rtol=1e-6)
    assert ridge(STATES, TARGET, 1e12).abs().max() < 1e-9


def test_the_strength_is_the_one_that_errs_least_on_what_is_held_out() -> None:
    held_out = torch.arange(50) < 10
    noise, clear = chosen_ridge(STATES, TARGET, held_out)[1], chosen_ridge(STATES, STATES[:, 0], held_out)[1]
    assert noise > 1
    assert clear == 1e-4
    assert torch.equal(chosen_ridge(STATES, TARGET, held_out)[0], ridge(STATES, TARGET, noise))


def test_spearman_sees_order_only() -> None:
    x = torch.tensor([0.1, 2.0, -1.0, 7.0])
    assert spearman(x, x.exp()) == pytest.approx(1)
    assert spearman(x, -x) == pytest.approx(-1)
    assert spearman(torch.tensor([1.0, 2.0, 3.0]), torch.tensor([1.0, 3.0, 2.0])) == pytest.approx(0.5)


@given(st.integers(0, 1000), st.sampled_from([0.03, 0.2, 0.5]))
def test_what_is_freed_of_verbosity_no_longer_follows_it(seed: int, most: float) -> None:
    chance = torch.Generator().manual_seed(seed)
    verbose = torch.randn(200, generator=chance)
    rewards = torch.stack([torch.randn(200, generator=chance) + share * verbose for share in (0.0, 0.3, 5.0)], 1)
    rewards = torch.cat([verbose[:, None], rewards], 1)
    transform = debias(rewards, 0, most)
    free = rewards @ transform
    assert not free[:, 0].any()
    for place in (1, 2, 3):
        penalty = -float(transform[0, place])
        assert torch.allclose(free[:, place], rewards[:, place] - penalty * verbose, atol=1e-5)
        if penalty < 1:
            assert spearman(free[:, place], verbose) <= most + 1e-3
            smaller = [one for one in PENALTIES if one < penalty - 1e-6]
            assert all(spearman(rewards[:, place] - one * verbose, verbose) > most for one in smaller)


def test_strengths_are_powers_of_ten_and_penalties_those_of_the_paper() -> None:
    assert list(ALPHAS) == pytest.approx([1e-4, 1e-3, 1e-2, 0.1, 1, 10, 100, 1e3, 1e4])
    assert PENALTIES[:9] == pytest.approx((0, 0.01, 0.025, 0.05, 0.075, 0.1, 0.125, 0.15, 0.2))
    assert (len(PENALTIES), PENALTIES[-1]) == (24, 0.95)


def test_attributes_lie_between_0_and_1_and_need_enough_ratings() -> None:
    rated = [Rated("p", str(n), {"help": n, "mean": 1.0} | ({"rare": n} if n < 2 else {})) for n in range(4)]
    settings = ArmoSettings(least_rated=3)
    names, table = attribute_table(rated, torch.tensor([3, 5, 4, 5]), settings)
    assert names == ("help", "length")
    assert table.T.tolist() == [pytest.approx([0, 1 / 3, 2 / 3, 1]), [0, 1, 0.5, 1]]
    assert attribute_table(rated, torch.arange(4), ArmoSettings(least_rated=2))[1].isnan().any(0).tolist() == [
        False, True, False,
    ]  # fmt: skip
    with pytest.raises(ConfigError, match="Fewer than 3 responses differ in rare; there is enough of help, length"):
        attribute_table(rated, torch.arange(4), settings.model_copy(update={"attributes": ("help", "rare")}))


def gate(last: torch.Tensor) -> Gate:
    """Of 3 attributes, whose network says `last` [3] of every prompt of 5 numbers."""
    made = Gate(5, 3, 4)
    with torch.no_grad():
        made.network[-1].weight.zero_()
        made.network[-1].bias.copy_(last)
    return made


def test_weights_are_a_softmax_at_temperature_ten_times_the_scale() -> None:
    made = gate(torch.tensor([0.0, 10 * math.log(2), 10 * math.log(5)]))
    assert made.weights(torch.randn(2, 5)).tolist() == [pytest.approx([1 / 8, 2 / 8, 5 / 8])] * 2
    with torch.no_grad():
        made.scale.fill_(3.0)
    assert made.weights(torch.randn(1, 5)).sum().item() == pytest.approx(3)
    assert gate(torch.zeros(3)).weights(torch.randn(1, 5)).tolist() == [pytest.approx([1 / 3] * 3)]


def test_a_gate_weighs_attributes_that_are_freed_of_verbosity() -> None:
    """(3, 2, 4), the last verbosity, less a half and a quarter of it: (1, 1, 0), of which a third each."""
    made = gate(torch.zeros(3))
    made.debias[2] -= torch.tensor([0.5, 0.25, 1.0])
    found = made(torch.tensor([[3.0, 2.0, 4.0]]), PROMPTS[:1])
    assert found.tolist() == [pytest.approx(2 / 3)]


def test_a_gate_that_heeds_one_attribute_gives_that_attribute() -> None:
    attributes = torch.tensor([[1.0, -2.0, 5.0], [0.0, 7.0, 1.0]])
    assert gate(torch.tensor([0.0, 1e4, 0.0]))(attributes, PROMPTS).tolist() == [-2.0, 7.0]


PROMPTS = torch.randn(2, 5, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("size", [1.0, 1e4])
def test_a_gate_promises_what_objectives_on_rewards_promise(size: float) -> None:
    """Two pairs, chosen first: attributes of chosen responses are to grow, and the others to fall, to the same degree;
    a pair of weight 0 is left out, and nothing is infinite.
    """
    made = Gate(5, 3, 4)
    attributes = (size * torch.tensor([[1.0, -1, 2], [0, 1, 1], [1, -1, 2], [0, 1, 1]])).requires_grad_()
    one = torch.ones(2)
    batch = GateBatch(
        attributes=attributes, prompts=PROMPTS.repeat(2, 1), margin=0 * one, weight=torch.tensor([1.0, 0.0]),
        soft_label=one,
    )  # fmt: skip
    step = BradleyTerry().loss_of(GateScorer(made)(batch), batch)
    step.loss.backward()
    assert step.loss.item() == pytest.approx(math.log(2) / 2)
    assert attributes.grad is not None
    chosen, rejected = attributes.grad.chunk(2)
    assert (chosen[0] < 0).all() and (rejected[0] > 0).all() and not chosen[1].any() and not rejected[1].any()
    assert torch.allclose(chosen, -made.weights(PROMPTS) / 4 * torch.tensor([[1.0], [0.0]]))
    assert all(weight.grad is not None and weight.grad.isfinite().all() for weight in made.parameters())


PROMPT = [{"role": "user", "content": "say w3 it"}]
SMALL = {"least_rated": 20, "width": 16, "max_length": 64, "most_correlation": 0.5}


def write_ratings(folder: Path) -> Path:
    """`good` is kind and `it` is terse, whatever the prompt."""
    folder.mkdir()
    with (folder / "train.jsonl").open("w") as file:
        for n in range(40):
            sides = [
                {
                    "response": f"w{n} {word}{end}", "overall_score": None, "fine-grained_score": None,
                    "annotations": {"kind": {"Rating": str(a)}, "terse": {"Rating": str(b)}},
                }
                for word, a, b in (("good", 5, 1), ("it", 1, 5), ("bad", 1, 1))
                for end in ("", " w1 w2")
            ]  # fmt: skip
            file.write(json.dumps({"instruction": f"say w{n} it", "completions": sides}) + "\n")
    return folder


@pytest.fixture(scope="module")
def armo(model_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of two thirds of the prompts the kind answer is preferred, of the others the terse one."""
    folder = tmp_path_factory.mktemp("armo")
    rows = []
    for n in range(90):
        prompt = [{"role": "user", "content": f"say w{n % 40} it" if n % 3 else f"w{n % 40} w{n % 40} say"}]
        better, worse = ("good", "it") if n % 3 else ("it", "good")
        row = pair_row(n, f"w{n % 40} {better}", f"w{n % 40} {worse}", prompt=prompt, rejected_prompt=prompt)
        rows.append(row)
    data = write_version(folder / "data", pair_table(rows))
    settings = ArmoSettings.model_validate(SMALL | {"fit": {"epochs": 150, "batch_size": 72, "learning_rate": 1e-2}})
    train_armo(data, write_ratings(folder / "uf"), model_folder, folder / "model", settings)
    return folder / "model"


def test_a_gate_learns_what_each_kind_of_prompt_asks_for(armo: Path) -> None:
    record = read_record(armo)
    assert record.objective["attributes"] == ["kind", "terse", "length"]
    assert record.metrics["train_accuracy"] > 0.9
    assert record.metrics["test_accuracy"] > 0.8
    asked, other = ([{"role": "user", "content": text}] for text in ("say w3 it", "w3 w3 say"))
    found = weighed(armo, [(asked, "w3 good"), (asked, "w3 it"), (other, "w3 good"), (other, "w3 it")])
    assert found.attributes[:2, 0].diff() < -0.2
    assert found.attributes[:2, 1].diff() > 0.2
    assert found.rewards[0] > found.rewards[1]
    assert found.rewards[2] < found.rewards[3]


def test_the_gate_sees_no_response(armo: Path) -> None:
    found = weighed(armo, [(PROMPT, "w3 good"), (PROMPT, "w3 it"), (PROMPT, "")])
    assert torch.allclose(found.weights[1:], found.weights[:1], atol=1e-6)
    scale = load_gated(armo).gate.scale.item()
    assert found.weights.sum(1).tolist() == pytest.approx([scale] * 3, abs=1e-5)


def test_a_reward_is_its_weighed_attributes(armo: Path) -> None:
    gated = load_gated(armo)
    found = weighed(gated, [(PROMPT, "w3 good"), (PROMPT, "w3 it w4")])
    debiased = found.attributes @ gated.gate.debias
    assert torch.allclose(found.rewards, (found.weights * debiased).sum(1), atol=1e-6)
    assert torch.allclose(found.rewards, (found.attributes * (found.weights @ gated.gate.debias.T)).sum(1), atol=1e-6)
    assert not debiased[:, gated.attributes.index("length")].any()


def test_the_trunk_stays_as_it_was(armo: Path, model_folder: Path) -> None:
    learned, base = load_gated(armo).loaded.model, load_reward(model_folder).model
    for a, b in zip(learned.base_model.parameters(), base.base_model.parameters(), strict=True):
        assert a.equal(b)


def test_a_gated_model_is_scored_as_one_and_never_without_its_gate(armo: Path, tmp_path: Path) -> None:
    items = [(PROMPT, "w3 good"), (PROMPT, "w3 it")]
    known = weighed(armo, items).rewards.tolist()
    assert rewards_of(armo, items).tolist() == known
    short = rewards_of(armo, [(PROMPT, "w3 good " * 9), *items], max_length=16)
    assert np.isnan(short[0]) and short[1:].tolist() == pytest.approx(known, abs=1e-6)
    assert np.isnan(rewards_of(armo, items, max_length=2)).all()
    assert rewards_of(armo, []).shape == (0,)
    with pytest.raises(ModelError, match="is no reward model"):
        load_reward(armo)
    broken = tmp_path / "broken"
    broken.mkdir()
    for path in armo.iterdir():
        (broken / path.name).write_bytes(path.read_bytes() if path.name != "gate.safetensors" else b"nonsense")
    assert revision_of(broken) != revision_of(armo)
    with pytest.raises(ModelError, match="cannot be read as a gate"):
        rewards_of(broken, items)
