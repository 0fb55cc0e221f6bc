from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from schemas.errors import ModelError
from training.checkpoint import Loaded, TrainingRecord, load_policy, load_reward, read_record, save
from training.extrapolate import extrapolate

RECORD = TrainingRecord(
    kind="reward", data="tiny@3", fingerprint="f", objective={"name": "o"}, settings={"a": 1}, base="b",
    base_revision="r", metrics={"test_accuracy": 1.0},
)  # fmt: skip


def weights(loaded: Loaded) -> torch.Tensor:
    return torch.cat([weight.detach().flatten() for weight in loaded.model.parameters()])


@pytest.fixture
def stages(model_folder: Path, tmp_path: Path) -> tuple[Path, Path]:
    """Two checkpoints of one reward model."""
    first = load_reward(model_folder, seed=1)
    start = save(tmp_path / "start", first)
    with torch.no_grad():
        for weight in first.model.parameters():
            weight.add_(0.1 * torch.randn_like(weight))
    return start, save(tmp_path / "end", first, RECORD)


@pytest.mark.parametrize("factor", [0.0, 1.0])
def test_its_ends_are_the_two_checkpoints(stages: tuple[Path, Path], tmp_path: Path, factor: float) -> None:
    found = load_reward(extrapolate(*stages, tmp_path / "out", factor))
    assert weights(found).equal(weights(load_reward(stages[int(factor)])))


def test_half_as_far_again_beyond_the_end(stages: tuple[Path, Path], tmp_path: Path) -> None:
    start, end = (weights(load_reward(folder)) for folder in stages)
    found = extrapolate(*stages, tmp_path / "out", 1.5)
    assert torch.allclose(weights(load_reward(found)), start + 1.5 * (end - start), atol=1e-6)
    record = read_record(found)
    assert record.settings["extrapolated"]["factor"] == 1.5
    assert replace(record, settings=RECORD.settings, metrics=RECORD.metrics) == RECORD
    assert record.metrics == {}


def test_tied_weights_move_once(tokenizer: PreTrainedTokenizerFast, tmp_path: Path) -> None:
    config = LlamaConfig(
        vocab_size=len(tokenizer), hidden_size=8, intermediate_size=8, num_hidden_layers=1, num_attention_heads=1,
        tie_word_embeddings=True,
    )  # fmt: skip
    folders = [save(tmp_path / name, Loaded(LlamaForCausalLM(config), tokenizer)) for name in ("a", "b")]
    start, end = (weights(load_policy(folder)) for folder in folders)
    found = weights(load_policy(extrapolate(*folders, tmp_path / "out", 2.0)))
    assert torch.allclose(found, 2 * end - start, atol=1e-6)


def test_checkpoints_of_two_kinds_are_refused(stages: tuple[Path, Path], model_folder: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="two checkpoints of one kind"):
        extrapolate(model_folder, stages[1], tmp_path / "out", 1.5)
