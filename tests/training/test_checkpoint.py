from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import torch

from schemas.errors import ModelError
from training.checkpoint import (
    Loaded,
    TrainingRecord,
    load_policy,
    load_reward,
    output_names,
    read_record,
    resolve,
    revision_of,
    reward_column,
    save,
)

RECORD = TrainingRecord(
    kind="policy", data="tiny@3", fingerprint="f", objective={"name": "dpo"}, settings={}, base="b", base_revision="r"
)


def weights(loaded: Loaded) -> torch.Tensor:
    return torch.cat([value.flatten() for value in loaded.model.state_dict().values()])


def test_a_saved_policy_is_the_same_policy(policy: Loaded, tmp_path: Path) -> None:
    folder = save(tmp_path / "out", policy, RECORD)
    again = load_policy(folder)
    assert weights(again).equal(weights(policy))
    assert again.tokenizer("say w1")["input_ids"] == policy.tokenizer("say w1")["input_ids"]
    assert again.tokenizer.chat_template == policy.tokenizer.chat_template
    assert read_record(folder) == RECORD
    assert [path.suffix for path in folder.iterdir() if "model" in path.name] == [".safetensors"]
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_a_saved_reward_model_keeps_its_head(model_folder: Path, tmp_path: Path) -> None:
    reward = load_reward(model_folder, seed=4)
    again = load_reward(save(tmp_path / "out", reward), seed=5)
    assert weights(again).equal(weights(reward))
    assert again.model.config.pad_token_id == 0


def test_a_fresh_head_depends_on_the_seed_alone(model_folder: Path) -> None:
    first, same, other = (load_reward(model_folder, seed=seed).model.score.weight.detach() for seed in (1, 1, 2))
    assert first.equal(same)
    assert not first.equal(other)
    assert 0.5 < float(first.std()) * 33 < 2  # hidden size 32
    assert not load_reward(model_folder, head="zero").model.score.weight.any()


def test_a_reward_model_has_the_trunk_of_its_base(model_folder: Path, policy: Loaded) -> None:
    trunk, base = load_reward(model_folder).model.base_model, policy.model.base_model
    assert all(a.equal(b) for a, b in zip(trunk.parameters(), base.parameters(), strict=True))


def test_outputs_keep_their_names(model_folder: Path, tmp_path: Path) -> None:
    two = load_reward(model_folder, outputs=("length", "reward"))
    folder = save(tmp_path / "two", two)
    again = load_reward(folder)
    assert weights(again).equal(weights(two))
    assert again.model.score.weight.shape == (2, 32)
    assert (output_names(again.model), reward_column(again.model)) == (("length", "reward"), 1)
    assert reward_column(load_reward(model_folder).model) == 0


def test_other_outputs_than_an_objective_needs_are_refused(model_folder: Path, tmp_path: Path) -> None:
    folder = save(tmp_path / "one", load_reward(model_folder))
    with pytest.raises(ModelError, match="has the outputs reward; this needs reward, length"):
        load_reward(folder, outputs=("reward", "length"))
    unnamed = save(tmp_path / "unnamed", load_reward(model_folder, outputs=("reward", "length")))
    config = (unnamed / "config.json").read_text()
    (unnamed / "config.json").write_text(config.replace('"reward"', '"toxic"'))
    with pytest.raises(ModelError, match="is no reward model"):
        load_reward(unnamed)


def test_saving_replaces_an_older_model_and_nothing_else(policy: Loaded, tmp_path: Path) -> None:
    folder = save(tmp_path / "out", policy)
    (folder / "stale.txt").write_text("old")
    save(folder, policy)
    assert not (folder / "stale.txt").exists()
    (tmp_path / "papers").mkdir()
    (tmp_path / "papers" / "thesis.txt").write_text("dear")
    with pytest.raises(ModelError, match="holds something else"):
        save(tmp_path / "papers", policy)
    assert (tmp_path / "papers" / "thesis.txt").read_text() == "dear"


def test_an_absent_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="does not exist"):
        load_policy(tmp_path / "none")


def test_a_folder_without_config_is_no_model(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"no config\.json"):
        load_policy(tmp_path)


@pytest.fixture
def broken(model_folder: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(model_folder, tmp_path / "broken"))


@pytest.mark.parametrize("load", [load_policy, load_reward])
@pytest.mark.parametrize("file", ["config.json", "model.safetensors", "tokenizer.json"])
def test_an_unreadable_file_is_a_model_error(broken: Path, file: str, load: type) -> None:
    (broken / file).write_bytes(b"\x00nonsense")
    with pytest.raises(ModelError, match="cannot be read"):
        load(broken)


def test_pickled_weights_are_refused(broken: Path, policy: Loaded) -> None:
    (broken / "model.safetensors").unlink()
    torch.save(policy.model.state_dict(), broken / "pytorch_model.bin")
    with pytest.raises(ModelError, match="cannot be read as a model"):
        load_policy(broken)


def test_a_reward_model_is_no_policy(model_folder: Path, tmp_path: Path) -> None:
    folder = save(tmp_path / "reward", load_reward(model_folder))
    with pytest.raises(ModelError, match=r"lm_head\.weight is absent"):
        load_policy(folder)


def test_a_model_that_bends_its_logits_is_refused(tmp_path: Path, policy: Loaded) -> None:
    from transformers import Gemma2Config, Gemma2ForCausalLM

    config = Gemma2Config(
        vocab_size=len(policy.tokenizer), hidden_size=16, intermediate_size=16, num_hidden_layers=1,
        num_attention_heads=2, num_key_value_heads=1, head_dim=8, final_logit_softcapping=0.01,
    )  # fmt: skip
    folder = save(tmp_path / "capped", Loaded(Gemma2ForCausalLM(config), policy.tokenizer))
    with pytest.raises(ModelError, match="its logits are more than"):
        load_policy(folder)


def test_the_revision_follows_the_content_not_the_place(broken: Path, model_folder: Path) -> None:
    assert revision_of(broken) == revision_of(model_folder)
    with (broken / "config.json").open("a") as config:
        config.write(" ")
    assert revision_of(broken) != revision_of(model_folder)


def test_a_relative_name_that_is_no_hub_model_is_named() -> None:
    with pytest.raises(ModelError, match="does not exist"):
        resolve("./no/such/folder")


def test_a_folder_without_record_is_named(model_folder: Path) -> None:
    with pytest.raises(ModelError, match=r"training\.json is no training record"):
        read_record(model_folder)


def test_loading_says_what_made_the_model(
    policy: Loaded, model_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    load_policy(model_folder)
    assert capsys.readouterr().err == ""
    load_policy(save(tmp_path / "out", policy, RECORD))
    line = capsys.readouterr().err
    assert line.startswith(f"out: {RECORD.objective['name']} on {RECORD.data} (fingerprint {RECORD.fingerprint[:8]})")
    assert line.count("\n") == 1
