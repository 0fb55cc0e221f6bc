from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn
from transformers import PreTrainedTokenizerFast

from schemas.errors import ConfigError, InputError
from training.batches import SequenceBatch
from training.checkpoint import load_reward
from training.evaluate.rewards import rewards_of
from training.objectives.reward.meta_rm import MetaRM, ascended, separation
from training.score import RewardScorer, Scored
from training.train import train

FLAT = torch.zeros(3, dtype=torch.int64)
NONE = torch.zeros(0)


def test_worked_number() -> None:
    assert separation(torch.tensor([0.0, 1.0, 3.0]), FLAT).item() == pytest.approx(0.5698732852)


@pytest.mark.parametrize(("count", "value"), [(2, 0.25), (4, 0.375), (8, 0.4375)])
def test_equal_rewards_have_the_least_separation(count: int, value: float) -> None:
    assert separation(torch.full((count,), 3.3), torch.zeros(count)).item() == pytest.approx(value)


@given(st.lists(st.floats(-50, 50), min_size=2, max_size=6), st.floats(-50, 50), st.randoms())
def test_order_and_a_shift_change_nothing_and_it_is_bounded(rewards: list[float], shift: float, chance) -> None:
    given = torch.tensor(rewards, dtype=torch.float64)
    found, k = separation(given, torch.zeros(len(rewards))).item(), len(rewards)
    chance.shuffle(rewards)
    moved = torch.tensor(rewards, dtype=torch.float64) + shift
    assert separation(moved, torch.zeros(k)).item() == pytest.approx(found)
    assert (k - 1) / (2 * k) - 1e-9 <= found <= (k - 1) / k + 1e-9


def test_prompts_count_alike_whatever_their_number_of_responses() -> None:
    rewards, group = torch.tensor([0.0, 5.0, 1.0, 3.0, 5.0]), torch.tensor([7, 9, 7, 7, 9])
    apart = [separation(rewards[group == one], group[group == one]).item() for one in (7, 9)]
    assert separation(rewards, group).item() == pytest.approx(sum(apart) / 2)


def test_at_a_tie_there_is_no_slope() -> None:
    """|x| has a kink at 0: equal rewards are not pulled apart, and nothing is NaN."""
    rewards = torch.tensor([1.5, 1.5, 4.0], requires_grad=True)
    separation(rewards, FLAT).backward()
    assert rewards.grad is not None
    assert rewards.grad[0] == rewards.grad[1] != 0
    alike = torch.full((3,), 1.5, requires_grad=True)
    separation(alike, FLAT).backward()
    assert alike.grad is not None
    assert alike.grad.tolist() == [0, 0, 0]


class Linear(nn.Module):
    """Rewards w.x of three responses."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.tensor([[0.5, -1.0, 0.25]], dtype=torch.float64))

    def forward(self, batch: SequenceBatch) -> Scored:
        return Scored(batch.weight @ self.weight.T, batch.weight)


PHI = torch.tensor([[1.0, 0.0, 2.0], [0.0, 1.0, 1.0], [3.0, 0.5, 0.0]], dtype=torch.float64)
META = SequenceBatch(**dict.fromkeys(SequenceBatch.__dataclass_fields__, NONE) | {"weight": PHI})


def spread(model: Linear) -> Tensor:
    return separation(model(META).rewards[:, 0], FLAT)


def pair_loss(model: Linear) -> Tensor:
    chosen, rejected = PHI[0] @ model.weight[0], PHI[1] @ model.weight[0]
    return -torch.nn.functional.logsigmoid(chosen - rejected)


def test_within_responses_lie_further_apart_and_afterwards_all_is_as_before() -> None:
    model = Linear()
    before, apart = model.weight.detach().clone(), spread(model).item()
    with ascended(model, [(META, FLAT)], 0.1, "no", 1):
        assert spread(model).item() > apart
    assert model.weight.equal(before)
    assert model.weight.grad is None


def test_an_error_within_leaves_the_weights_as_they_were() -> None:
    model = Linear()
    before = model.weight.detach().clone()
    with pytest.raises(KeyboardInterrupt), ascended(model, [(META, FLAT)], 0.1, "no", 1):
        raise KeyboardInterrupt
    assert model.weight.equal(before)


def test_the_gradient_is_that_of_the_weights_above() -> None:
    model, above = Linear(), Linear()
    (slope,) = torch.autograd.grad(spread(above), above.weight)
    with torch.no_grad():
        above.weight += 0.1 * slope
    pair_loss(above).backward()
    with ascended(model, [(META, FLAT)], 0.1, "no", 1):
        pair_loss(model).backward()
    assert above.weight.grad is not None and model.weight.grad is not None
    assert torch.allclose(model.weight.grad, above.weight.grad, rtol=1e-12)


def test_by_first_order_it_rewards_agreeing_gradients() -> None:
    """L(theta') = L + eta <grad L, grad J> + O(eta^2)."""
    model, eta = Linear(), 1e-5
    (up,) = torch.autograd.grad(spread(model), model.weight)
    (down,) = torch.autograd.grad(pair_loss(model), model.weight)
    with ascended(model, [(META, FLAT)], eta, "no", 1):
        above = pair_loss(model).item()
    assert (above - pair_loss(model).item()) / eta == pytest.approx(float((up * down).sum()), rel=1e-4)


def write(path: Path, *lines: dict[str, object]) -> Path:
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


def line(n: int, *responses: str) -> dict[str, object]:
    return {"prompt": [{"role": "user", "content": f"say w{n} it"}], "responses": responses}


TEXTS = [(1, "w1"), (1, "w2"), (1, "w3"), (2, "w4"), (2, "w5"), (3, "w6"), (3, "w7")]


def test_responses_come_by_prompts_in_the_order_of_the_file_over_and_over(
    tmp_path: Path, tokenizer: PreTrainedTokenizerFast, model_folder: Path
) -> None:
    path = write(tmp_path / "meta.jsonl", line(1, "w1", "w2", "w3"), line(2, "w4", "w5"), line(3, "w6", "w7"))
    batches = MetaRM(responses=path, prompts=2)._batches(path, tokenizer, 64)
    assert [group.tolist() for _, group in batches] == [[0, 0, 0, 1, 1], [2, 2]]
    loaded = load_reward(model_folder)
    scorer = RewardScorer(loaded.model).eval()
    items = [([{"role": "user", "content": f"say w{n} it"}], text) for n, text in TEXTS]
    with torch.no_grad():
        found = torch.cat([scorer(batch).rewards[:, 0] for batch, _ in batches])
    assert found.tolist() == pytest.approx(rewards_of(loaded, items).tolist(), abs=1e-6)
    around = MetaRM(responses=path, prompts=2).around(scorer, tokenizer, 64, "no")
    for step in (1, 2, 3):
        with around(step):
            pass


@pytest.mark.parametrize(
    ("text", "message"),
    [("", "holds no responses"), ('{"prompt": [], "responses": ["one"]}', "responses"), ("{", "Invalid JSON")],
)
def test_a_useless_file_is_an_input_error(
    tmp_path: Path, tokenizer: PreTrainedTokenizerFast, text: str, message: str
) -> None:
    path = tmp_path / "meta.jsonl"
    path.write_text(text)
    with pytest.raises(InputError, match=message):
        MetaRM(responses=path).around(nn.Linear(1, 1), tokenizer, 64, "no")


def test_what_is_missing_or_too_long_is_named(tmp_path: Path, tokenizer: PreTrainedTokenizerFast) -> None:
    with pytest.raises(ConfigError, match="needs `responses`"):
        MetaRM().around(nn.Linear(1, 1), tokenizer, 64, "no")
    path = write(tmp_path / "meta.jsonl", line(1, "w1 " * 70, "w2"))
    with pytest.raises(InputError, match="raise `max_length`"):
        MetaRM(responses=path).around(nn.Linear(1, 1), tokenizer, 64, "no")
    with pytest.raises(InputError, match="cannot be read"):
        MetaRM(responses=tmp_path / "none").around(nn.Linear(1, 1), tokenizer, 64, "no")


def test_rate_zero_trains_the_same_model_as_bradley_terry(
    version_folder: Path, model_folder: Path, tmp_path: Path
) -> None:  # fmt: skip
    path = write(tmp_path / "meta.jsonl", *(line(n, f"w{n} good", f"w{n} bad", f"w{n}") for n in range(12)))
    changes = {"batch_size": 8, "learning_rate": 3e-3, "max_length": 64, "epochs": 4}
    plain = train("reward", version_folder, model_folder, tmp_path / "plain", changes).path
    still = train(
        "meta_rm", version_folder, model_folder, tmp_path / "still", {**changes, "responses": path, "rate": 0}
    )
    moved = train(
        "meta_rm", version_folder, model_folder, tmp_path / "moved", {**changes, "responses": path, "rate": 0.1}
    )
    weights = [(folder / "model.safetensors").read_bytes() for folder in (plain, still.path, moved.path)]
    assert weights[0] == weights[1] != weights[2]
    assert moved.metrics["test_accuracy"] == 1.0
