"""The engine serves reward models of this project, against the trainer's own scorer."""

import shutil
from dataclasses import replace

import pytest
import torch
from transformers import (
    BertConfig,
    BertForSequenceClassification,
    BertTokenizerFast,
    DebertaV2Config,
    DebertaV2ForSequenceClassification,
)

from curation.engines.reward_model import RewardModel
from flows.sandbox import prompts, sandbox_path
from schemas.errors import ConfigError, ModelError
from schemas.prompts import Message
from tests.rows import requests
from training.checkpoint import load_reward, save

COUNT = 20


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return save(tmp_path_factory.mktemp("models") / "reward", load_reward(str(sandbox_path("base")), seed=3))


@pytest.fixture(scope="module")
def asked():
    texts = prompts(0, COUNT)
    wanted = requests(texts)
    answers = [text * (1 + i % 3) for i, text in enumerate(texts[::-1])]
    return [
        replace(one, messages=(*one.messages, Message(role="assistant", content=answer)))
        for one, answer in zip(wanted, answers, strict=True)
    ]


def rewards(folder, asked, **settings):
    with RewardModel(dtype="float32", **settings).start(str(folder)) as answer:
        found = {id(request): reply for request, reply in answer(iter(asked))}
    return [found[id(request)] for request in asked]


def test_rewards_are_those_of_the_model_alone(folder, asked):
    loaded = load_reward(folder)
    replies = rewards(folder, asked)
    for request, reply in zip(asked, replies, strict=True):
        ids = loaded.tokenizer.apply_chat_template(list(request.messages), return_tensors="pt", return_dict=False)
        with torch.inference_mode():
            hidden = loaded.model.base_model(input_ids=ids).last_hidden_state[:, -1]
            alone = float(loaded.model.score(hidden))
        assert float(reply.text) == pytest.approx(alone, rel=1e-4, abs=1e-5)
        assert (reply.prompt_tokens, reply.completion_tokens) == (ids.shape[1], 0)


def test_no_reward_depends_on_the_batch(folder, asked):
    one, many = (rewards(folder, asked, batch_size=size) for size in (1, COUNT))
    assert [float(reply.text) for reply in one] == pytest.approx([float(reply.text) for reply in many], rel=1e-4)


def test_what_is_too_long_is_not_cut(folder, asked):
    longest = max(reply.prompt_tokens for reply in rewards(folder, asked))
    found = rewards(folder, asked, max_model_len=longest - 1)
    cut = [reply for reply in found if reply.finish_reason == "too_long"]
    assert cut
    assert all(reply.text == "" for reply in cut)
    assert len(cut) < COUNT


def test_a_policy_is_no_reward_model(asked):
    with pytest.raises(ModelError, match="no reward model"), RewardModel().start(str(sandbox_path("base"))):
        pass


def test_an_adapter_is_refused(folder):
    with pytest.raises(ConfigError, match="merge"), RewardModel().start(str(folder), "some/adapter"):
        pass


def test_what_is_no_model_is_refused(tmp_path):
    with pytest.raises(ModelError), RewardModel().start(str(tmp_path)):
        pass


def test_of_several_outputs_the_one_named_reward_is_read(asked, tmp_path):
    two = load_reward(str(sandbox_path("base")), outputs=("length", "reward"))
    one = load_reward(str(sandbox_path("base")))
    with torch.no_grad():
        one.model.score.weight.copy_(two.model.score.weight[1:])
    texts = [[reply.text for reply in rewards(save(tmp_path / "model", loaded), asked[:4])] for loaded in (one, two)]
    assert texts[0] == texts[1]


ENCODERS = {
    "bert": (BertConfig, BertForSequenceClassification, {"num_attention_heads": 2, "type_vocab_size": 2}),
    "deberta": (
        DebertaV2Config, DebertaV2ForSequenceClassification,
        {"num_attention_heads": 2, "relative_attention": True, "pos_att_type": ["p2c", "c2p"], "type_vocab_size": 0},
    ),
}  # fmt: skip


@pytest.fixture(params=ENCODERS)
def encoder(request, tmp_path):
    """A random encoder with one output, whose tokenizer has no chat template, as encoders on pairs of texts are."""
    config, classifier, facts = ENCODERS[request.param]
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", *dict.fromkeys(" ".join(prompts(0, COUNT)).split())]
    (tmp_path / "vocab.txt").write_text("\n".join(words))
    tokenizer = BertTokenizerFast(vocab_file=str(tmp_path / "vocab.txt"), do_lower_case=False, model_max_length=128)
    torch.manual_seed(0)
    sizes = {"hidden_size": 16, "num_hidden_layers": 2, "intermediate_size": 32, "max_position_embeddings": 128}
    model = classifier(config(vocab_size=len(tokenizer), num_labels=1, pad_token_id=0, **sizes, **facts)).eval()
    for place in (model, tokenizer):
        place.save_pretrained(tmp_path / "encoder")
    return tmp_path / "encoder", model, tokenizer


def test_an_encoder_without_a_chat_template_reads_prompt_and_answer_as_two_texts(encoder, asked):
    folder, model, tokenizer = encoder
    found = rewards(folder, asked)
    for request, reply in zip(asked, found, strict=True):
        pair = tokenizer(*(turn["content"] for turn in request.messages), return_tensors="pt")
        with torch.inference_mode():
            alone = float(model(**pair).logits)
        assert float(reply.text) == pytest.approx(alone, rel=1e-4, abs=1e-5)
        assert reply.prompt_tokens == pair["input_ids"].shape[1]
    assert len({reply.text for reply in found}) > COUNT / 2


def test_a_decoder_without_a_chat_template_is_refused(folder, tmp_path):
    bare = shutil.copytree(folder, tmp_path / "bare")
    loaded = load_reward(folder)
    loaded.tokenizer.chat_template = None
    for file in bare.glob("chat_template*"):
        file.unlink()
    loaded.tokenizer.save_pretrained(bare)
    with pytest.raises(ModelError, match="no chat template"), RewardModel().start(str(bare)):
        pass
