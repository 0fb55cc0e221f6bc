from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from torch import Tensor
from transformers import PreTrainedTokenizerFast

from schemas.errors import InputError
from tests.training.conftest import pair_row, pair_table, write_version
from training.batches import PairBatch
from training.evaluate.rewards import rewards_of
from training.objectives import Step
from training.objectives.reward.regression import RatedBatch, Regression
from training.prepare import prepare_pairs
from training.score import Scored
from training.train import train

NAN = float("nan")
NONE = torch.zeros(0)


def step(rewards: Tensor, rating: list[float], margin: list[float], weight: list[float] | None = None) -> Step:
    given = torch.tensor(weight or [1.0] * len(margin))
    pairs = PairBatch(
        **dict.fromkeys(PairBatch.__dataclass_fields__, NONE) | {"margin": torch.tensor(margin), "weight": given}
    )
    batch = RatedBatch(**vars(pairs), rating=torch.tensor(rating))
    return Regression().loss_of(Scored(rewards[:, None], NONE), batch)


def test_worked_number() -> None:
    """Pairs: both rated 0.5^2 + 1^2; one rated 2^2; none rated (1 - 3)^2. Mean of 1.25, 4, 4."""
    rewards = torch.tensor([3.5, 0.0, 2.0, 2.0, 5.0, 1.0])
    found = step(rewards, [4.0, NAN, NAN, 1.0, 3.0, NAN], [9.0, 9.0, 3.0])
    assert found.loss.item() == pytest.approx(9.25 / 3)
    assert found.metrics["rated"].item() == 0.5


def test_what_is_unknown_has_no_gradient() -> None:
    rewards = torch.tensor([3.0, 7.0, 1.0, -2.0], requires_grad=True)
    step(rewards, [1.0, NAN, NAN, NAN], [0.0, 9.0], [1.0, 2.0]).loss.backward()
    assert rewards.grad is not None
    assert rewards.grad.tolist() == [2.0, 0.0, 0.0, 0.0]


def ratings(folder: Path, rated: dict[str, dict[str, float]], prompt: str = "say w1 it") -> Path:
    """The responses to one prompt in UltraFeedback's format."""
    folder.mkdir(exist_ok=True)
    sides = [
        {
            "response": text,
            "annotations": {},
            "overall_score": one.get("overall"),
            "fine-grained_score": one.get("mean"),
        }
        for text, one in rated.items()
    ]
    with (folder / "train.jsonl").open("a") as file:
        file.write(json.dumps({"instruction": prompt, "completions": sides}) + "\n")
    return folder


def test_ratings_find_their_responses(tmp_path: Path, tokenizer: PreTrainedTokenizerFast) -> None:
    rows = [pair_row(1, "w1 good", "w1 bad", margin=2.0), pair_row(1, "w2 good", "w1 good", margin=1.0)]
    part = prepare_pairs(pair_table(rows), tokenizer, 64)
    folder = ratings(tmp_path, {"w1 good": {"overall": 8.0, "mean": 4.0}, "w1 bad": {"overall": 2.0}})
    found = Regression(ratings=folder, attribute="overall").examples(part).batch(torch.tensor([1, 0]))
    assert found.rating.nan_to_num(-1).tolist() == [-1, 8, 8, 2]
    assert found.margin.tolist() == [1.0, 2.0]
    assert Regression(ratings=folder).examples(part).rating.nan_to_num(-1).tolist() == [4, -1, -1, 4]


def test_a_pair_without_rating_and_margin_is_refused(tokenizer: PreTrainedTokenizerFast) -> None:
    rows = [pair_row(1, "w1 good", "w1 bad", margin=0.0), pair_row(2, "w2 good", "w1 good")]
    with pytest.raises(InputError, match="nothing to learn from 1 of 2 pairs"):
        Regression().examples(prepare_pairs(pair_table(rows), tokenizer, 64))


def test_regression_then_scaled_pairs(model_folder: Path, tmp_path: Path) -> None:
    """The first stage learns the ratings themselves; the second starts at its predictions and keeps its head."""
    rows = [pair_row(n, f"w{n} good", f"w{n} bad", margin=1.0) for n in range(30)]
    folder = write_version(tmp_path / "data", pair_table(rows))
    for n in range(30):
        ratings(tmp_path / "uf", {f"w{n} good": {"mean": 1.5}, f"w{n} bad": {"mean": 0.5}}, f"say w{n} it")
    changes = {"epochs": 12, "batch_size": 8, "learning_rate": 3e-3, "max_length": 64}
    first = train("regression", folder, model_folder, tmp_path / "a", {**changes, "ratings": str(tmp_path / "uf")})
    items = [
        ([{"role": "user", "content": f"say w{n} it"}], f"w{n} {word}") for n in (4, 9) for word in ("good", "bad")
    ]
    assert rewards_of(first.path, items).tolist() == pytest.approx([1.5, 0.5, 1.5, 0.5], abs=0.3)
    still = {"scaled": True, "learning_rate": 1e-12, "epochs": 0.1, "max_length": 64}
    second = train("bradley_terry", folder, first.path, tmp_path / "b", still)
    assert rewards_of(second.path, items).tolist() == pytest.approx(rewards_of(first.path, items).tolist(), abs=1e-5)
