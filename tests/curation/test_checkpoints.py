"""Real models of a few thousand weights, and folders that must not be loaded."""

import json
import re
from shutil import copytree

import pytest
import torch
from huggingface_hub import constants
from safetensors.torch import load_file, save_file
from transformers import (
    AutoModel,
    AutoModelForCausalLM,
    AutoModelForSequenceClassification,
    BloomConfig,
    BloomModel,
    LlamaConfig,
    LlamaForCausalLM,
)

from curation.checkpoints import Checkpoint, load, revision
from schemas.errors import ModelError
from schemas.revision import model_revision
from tests.training.conftest import make_tokenizer

CLASSES = [AutoModel, AutoModelForCausalLM, AutoModelForSequenceClassification]
CONTEXT = 64


@pytest.fixture
def folder(tmp_path):
    place, tokenizer = tmp_path / "model", make_tokenizer()
    config = LlamaConfig(
        vocab_size=len(tokenizer), hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=2,
        max_position_embeddings=CONTEXT,
    )  # fmt: skip
    LlamaForCausalLM(config).save_pretrained(place)
    tokenizer.save_pretrained(place)
    return place


def test_a_model_is_loaded_as_it_was_saved(folder):
    loaded = load(str(folder), AutoModelForCausalLM, dtype="float32", kind="language model")
    assert not loaded.weights.training
    assert loaded.weights.dtype == torch.float32
    for name, saved in load_file(folder / "model.safetensors").items():
        assert torch.equal(loaded.weights.state_dict()[name].cpu(), saved)
    assert loaded.tokenizer("good bad")["input_ids"] == make_tokenizer()("good bad")["input_ids"]


@pytest.mark.parametrize(("dtype", "found"), [("auto", torch.float32), ("bfloat16", torch.bfloat16)])
def test_the_format_of_the_weights_is_the_one_asked_for(folder, dtype, found):
    assert load(str(folder), AutoModel, dtype=dtype, kind="embedder").weights.dtype == found


@pytest.mark.parametrize(
    ("wanted", "limit"),
    [
        pytest.param(None, CONTEXT, id="the-models-own"),
        pytest.param(CONTEXT - 1, CONTEXT - 1, id="lower"),
        pytest.param(CONTEXT + 1, CONTEXT, id="more-than-it-can"),
    ],
)
def test_the_limit_is_never_more_than_the_model_can(folder, wanted, limit):
    assert load(str(folder), AutoModel, dtype="auto", kind="embedder").limit(wanted) == limit


def test_a_model_without_a_limit_has_its_tokenizers():
    tokenizer = make_tokenizer()
    tokenizer.model_max_length = 9
    endless = BloomModel(BloomConfig(vocab_size=len(tokenizer), hidden_size=32, n_layer=1, n_head=2))
    loaded = Checkpoint(endless, tokenizer)
    assert (loaded.limit(None), loaded.limit(5)) == (9, 5)


@pytest.mark.parametrize("auto", CLASSES, ids=lambda auto: auto.__name__)
def test_pickled_weights_are_refused(folder, auto):
    torch.save(load_file(folder / "model.safetensors"), folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()
    with pytest.raises(ModelError, match=f"^The thing {re.escape(str(folder))} cannot be loaded: "):
        load(str(folder), auto, dtype="auto", kind="thing")


@pytest.mark.parametrize("auto", CLASSES, ids=lambda auto: auto.__name__)
def test_code_that_comes_with_a_model_is_not_run(folder, auto, tmp_path):
    (folder / "own.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\n")
    config = json.loads((folder / "config.json").read_text())
    named = {"AutoConfig": "own.Config"} | {one.__name__: "own.Model" for one in CLASSES}
    (folder / "config.json").write_text(json.dumps(config | {"model_type": "own", "auto_map": named}))
    with pytest.raises(ModelError, match="cannot be loaded"):
        load(str(folder), auto, dtype="auto", kind="thing")
    assert not (tmp_path / "ran").exists()


def test_what_is_missing_is_named_with_what_to_do(folder):
    weights = load_file(folder / "model.safetensors")
    del weights["model.norm.weight"]
    save_file(weights, folder / "model.safetensors", {"format": "pt"})
    with pytest.raises(ModelError) as raised:
        load(str(folder), AutoModelForCausalLM, dtype="auto", kind="thing", mend="make another")
    assert str(raised.value) == f"{folder} is no thing: it lacks weights, model.norm.weight first; make another."
    assert load(str(folder), AutoModelForCausalLM, dtype="auto", kind="thing", spare="model.norm.").weights
    with pytest.raises(ModelError, match=r"model\.norm\.weight"):
        load(str(folder), AutoModelForCausalLM, dtype="auto", kind="thing", spare="lm_head.")


def test_weights_of_another_shape_are_refused(folder):
    weights = load_file(folder / "model.safetensors")
    weights["model.norm.weight"] = weights["model.norm.weight"][:-1]
    save_file(weights, folder / "model.safetensors", {"format": "pt"})
    with pytest.raises(ModelError):
        load(str(folder), AutoModelForCausalLM, dtype="auto", kind="thing")


def test_the_revision_is_what_the_folder_holds(folder, tmp_path):
    assert revision(str(folder)) == model_revision(folder)
    assert revision(str(copytree(folder, tmp_path / "copy"))) == revision(str(folder))


def test_the_revision_of_a_hub_model_is_its_commit_in_the_cache(folder, tmp_path, monkeypatch):
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    assert revision("some/model") == "some/model"
    stored = tmp_path / "hub" / "models--some--model"
    (stored / "refs").mkdir(parents=True)
    (stored / "refs" / "main").write_text("0123abc")
    copytree(folder, stored / "snapshots" / "0123abc")
    assert revision("some/model") == "0123abc"
