"""Texts beside what a policy learns: their gradient, and what a run keeps of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from schemas.errors import InputError
from tests.training.conftest import pair_row, pair_table, write_version
from training.checkpoint import Loaded, load_policy
from training.objectives.policy import POLICY
from training.objectives.texts import beside, text_batches
from training.score import TokenScorer
from training.train import train

LINES = [f"say w{n} it w{n + 1} w{n + 2}" for n in range(6)]


@pytest.fixture
def texts(tmp_path: Path) -> Path:
    path = tmp_path / "texts.jsonl"
    path.write_text("".join(json.dumps({"text": line, "source": "made"}) + "\n" for line in LINES))
    return path


def gradient(policy: Loaded) -> torch.Tensor:
    return torch.cat([one.grad.flatten() for one in policy.model.parameters() if one.grad is not None])


def test_the_gradient_is_that_of_the_models_own_loss(texts: Path, policy: Loaded, model_folder: Path) -> None:
    """Of transformers, on the same texts side by side: all have five tokens, of which four are predicted."""
    batches = text_batches(texts, policy.tokenizer, 64, 4)
    assert [len(batch.input_ids) for batch in batches] == [4, 2]
    policy.model.eval()
    with beside(TokenScorer(policy.model), batches, 0.5, "no", 1):
        pass
    other = load_policy(model_folder)
    ids = torch.tensor(other.tokenizer(LINES[:4])["input_ids"])
    (0.5 * other.model.eval()(input_ids=ids, labels=ids).loss).backward()
    assert gradient(other).abs().max() > 1e-3
    assert torch.allclose(gradient(policy), gradient(other), atol=1e-6)


def test_it_adds_to_what_is_there(texts: Path, policy: Loaded) -> None:
    batches, scorer = text_batches(texts, policy.tokenizer, 64, 8), TokenScorer(policy.model.eval())
    with beside(scorer, batches, 1.0, "no", 1):
        pass
    once = gradient(policy).clone()
    with beside(scorer, batches, 1.0, "no", 2):
        pass
    assert torch.allclose(gradient(policy), 2 * once, atol=1e-6)


def test_texts_are_cut_and_single_tokens_left_out(tmp_path: Path, policy: Loaded) -> None:
    path = tmp_path / "texts.jsonl"
    path.write_text('{"text": "w1 w2 w3 w4"}\n{"text": "w1"}\n')
    (batch,) = text_batches(path, policy.tokenizer, 3, 8)
    assert batch.completion_mask.tolist() == [[True, True]]


@pytest.mark.parametrize(
    ("content", "says"), [('{"text": "w1"}', "two tokens or more"), ('{"words": 1}', "text"), (None, "cannot be read")]
)
def test_a_file_that_is_none_says_why(content: str | None, says: str, tmp_path: Path, policy: Loaded) -> None:
    path = tmp_path / "texts.jsonl"
    if content is not None:
        path.write_text(content)
    with pytest.raises(InputError, match=says):
        text_batches(path, policy.tokenizer, 64, 8)


def likelihood(model: Path, texts: Path) -> float:
    """Mean log-probability of a token of the texts."""
    loaded = load_policy(model)
    (batch,) = text_batches(texts, loaded.tokenizer, 64, 8)
    with torch.no_grad():
        return float(TokenScorer(loaded.model.eval())(batch).sum() / batch.completion_mask.sum())


@pytest.mark.parametrize("name", sorted(POLICY.classes))
def test_a_policy_keeps_its_texts(name: str, texts: Path, model_folder: Path, tmp_path: Path) -> None:
    """While it learns from rewards. A critic's first rollouts leave the policy alone, and its texts, too."""
    data = write_version(tmp_path / "data", pair_table([pair_row(n, f"w{n} good", f"w{n} bad") for n in range(20)]))
    changes: dict[str, Any] = {
        "fit.learning_rate": 3e-3, "fit.epochs": 2, "max_length": 64, "rollout.max_tokens": 8, "rollout.prompts": 8,
        "rollout.rewards": [{"source": "short"}], "texts": str(texts),
    }  # fmt: skip
    judges = {"short": lambda items: np.array([-len(text) / 50 for _, text in items], dtype=np.float32)}
    trained = train(name, data, model_folder, tmp_path / "out", changes, judges=judges)
    assert likelihood(trained.path, texts) > likelihood(model_folder, texts) + 0.1
    if name == "ppo":
        still = train(name, data, model_folder, tmp_path / "still", changes | {"critic_rollouts": 9}, judges=judges)
        assert likelihood(still.path, texts) == likelihood(model_folder, texts)
