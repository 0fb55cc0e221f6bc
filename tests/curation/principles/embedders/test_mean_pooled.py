"""Real models of a few thousand weights, made here."""

import numpy as np
import pytest
import torch
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import BertConfig, BertModel, LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from curation.principles.consensus import cosines
from curation.principles.embedders import EMBEDDERS
from curation.principles.embedders.mean_pooled import MeanPooled
from schemas.errors import ModelError

WORDS = "cites sources avoids repetition factual accuracy concise quality :".split()
NAMES = ["cites sources", "avoids repetition", "concise", "factual accuracy concise quality"]
SHAPE = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2}


def causal():
    config = LlamaConfig(vocab_size=len(WORDS) + 2, max_position_embeddings=32, pad_token_id=0, **SHAPE)
    return LlamaForCausalLM(config)


def encoder():
    """Saved without the pooler, as sentence encoders are."""
    return BertModel(
        BertConfig(vocab_size=len(WORDS) + 2, max_position_embeddings=32, **SHAPE), add_pooling_layer=False
    )


@pytest.fixture(scope="module", params=[causal, encoder], ids=lambda make: make.__name__)
def model(request):
    torch.manual_seed(0)
    return request.param().eval()


@pytest.fixture(scope="module")
def tokenizer():
    core = Tokenizer(models.WordLevel({word: n for n, word in enumerate(["<pad>", "<unk>", *WORDS])}, "<unk>"))
    core.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    return PreTrainedTokenizerFast(tokenizer_object=core, pad_token="<pad>", unk_token="<unk>")


@pytest.fixture(scope="module")
def folder(model, tokenizer, tmp_path_factory):
    place = tmp_path_factory.mktemp("embedder")
    model.save_pretrained(place)
    tokenizer.save_pretrained(place)
    return str(place)


def by_hand(model, tokenizer, text):
    trunk = getattr(model, "model", model)
    with torch.no_grad():
        return trunk(torch.tensor([tokenizer(text)["input_ids"]])).last_hidden_state[0].mean(0).numpy()


def test_a_name_is_the_mean_of_its_tokens_and_padding_does_not_count(folder, model, tokenizer):
    found = MeanPooled(model="e").embed(NAMES, folder)
    assert (found.shape, found.dtype) == ((4, 32), np.float32)
    for name, vector in zip(NAMES, found, strict=True):
        assert vector == pytest.approx(by_hand(model, tokenizer, name), abs=1e-5)


def test_batches_change_nothing(folder):
    whole = MeanPooled(model="e").embed(NAMES, folder)
    single = MeanPooled(model="e", batch_size=1).embed(NAMES, folder)
    assert whole == pytest.approx(single, abs=1e-6)
    assert cosines(whole) == pytest.approx(cosines(single), abs=2e-6)


def test_the_prompt_stands_before_every_name(folder, model, tokenizer):
    (found,) = MeanPooled(model="e", prompt="quality : ").embed(["concise"], folder)
    assert found == pytest.approx(by_hand(model, tokenizer, "quality : concise"), abs=1e-5)


def test_the_same_name_is_the_same_place(folder):
    vectors = MeanPooled(model="e").embed(["concise", "cites sources", "concise"], folder)
    cosine = cosines(vectors)
    assert cosine[0, 2] == 1
    assert cosine[0, 1] < 1


def test_no_names_are_no_vectors(folder):
    assert MeanPooled(model="e").embed([], folder).shape == (0, 32)


def test_a_name_without_tokens_is_an_error(folder):
    with pytest.raises(ModelError, match="no token for '  '"):
        MeanPooled(model="e").embed(["concise", "  "], folder)


def test_the_revision_is_that_of_the_weights(folder, tmp_path):
    assert MeanPooled(model="e").revision(folder) == MeanPooled(model="f").revision(folder)
    with pytest.raises(ModelError, match="it has no config"):
        MeanPooled(model="e").revision(str(tmp_path))


def test_weights_that_are_missing_are_not_made_up(folder, model, tokenizer, tmp_path):
    weights = {name: tensor for name, tensor in model.state_dict().items() if "layers.1" not in name}
    weights = {name: tensor for name, tensor in weights.items() if "layer.1" not in name}
    model.save_pretrained(tmp_path, state_dict=weights)
    tokenizer.save_pretrained(tmp_path)
    with pytest.raises(ModelError, match="lacks weights"):
        MeanPooled(model="e").embed(["concise"], str(tmp_path))


def test_pickled_weights_are_refused(model, tokenizer, tmp_path):
    model.config.save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    torch.save(model.state_dict(), tmp_path / "pytorch_model.bin")
    with pytest.raises(ModelError, match="cannot be loaded"):
        MeanPooled(model="e").embed(["concise"], str(tmp_path))


def test_it_is_found_by_its_name():
    built = EMBEDDERS.build({"name": "mean_pooled", "model": "e"})
    assert EMBEDDERS.build(built.spec()) == built
