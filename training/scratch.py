"""A small untrained Llama with a tokenizer of its own, made from a version's texts: no download, and no knowledge."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from schemas.base import Strict
from schemas.errors import ConfigError
from training.checkpoint import Loaded, save
from training.data import Version

NAME = re.compile(r"scratch(?:/(\d+)x(\d+))?")
SPECIAL = ["<pad>", "<s>", "</s>", "<user>", "<assistant>"]
"""The first ids of the vocabulary, in this order."""
TEMPLATE = (
    "<s>{% for message in messages %}<{{ message['role'] }}>{{ message['content'] }}"
    "{% if message['role'] == 'assistant' %}</s>{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}<assistant>{% endif %}"
)
HEAD_WIDTH = 32


class Shape(Strict):
    """Size of the model."""

    layers: int = 4
    width: int = 128
    """Hidden size, a multiple of 32."""
    vocabulary: int = 8192
    """Tokens of the byte-level BPE, at most."""
    context: int = 2048
    seed: int = 0


def shape_of(name: str) -> Shape | None:
    """The shape that `scratch` or `scratch/6x256` (layers x width) names; None for the name of a real model."""
    if not name.startswith("scratch"):
        return None
    found = NAME.fullmatch(name)
    if not found or (found[2] and int(found[2]) % HEAD_WIDTH):
        raise ConfigError(f"{name}: write scratch, or scratch/LAYERSxWIDTH with a width that 32 divides.")
    return Shape(layers=int(found[1]), width=int(found[2])) if found[1] else Shape()


def from_scratch(version: Version, shape: Shape, folder: Path) -> Path:
    """Write a fresh model to `folder`; its tokenizer has read the train split only. What is there already stays."""
    if folder.is_dir():
        return folder
    tokenizer = _tokenizer(version, shape)
    torch.manual_seed(shape.seed)
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=shape.width,
        intermediate_size=shape.width * 2,
        num_hidden_layers=shape.layers,
        num_attention_heads=shape.width // HEAD_WIDTH,
        max_position_embeddings=shape.context,
        tie_word_embeddings=True,
        pad_token_id=SPECIAL.index("<pad>"),
        bos_token_id=SPECIAL.index("<s>"),
        eos_token_id=SPECIAL.index("</s>"),
    )
    save(folder, Loaded(LlamaForCausalLM(config), tokenizer))
    return folder


def _tokenizer(version: Version, shape: Shape) -> PreTrainedTokenizerFast:
    """Byte-level BPE: every text has ids, whatever its script."""
    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)  # pyright: ignore[reportAttributeAccessIssue]
    bpe.decoder = decoders.ByteLevel()  # pyright: ignore[reportAttributeAccessIssue]
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    bpe.train_from_iterator(
        _texts(version),
        trainers.BpeTrainer(
            vocab_size=shape.vocabulary, special_tokens=SPECIAL, initial_alphabet=alphabet, show_progress=False
        ),
    )
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=bpe, pad_token="<pad>", bos_token="<s>", eos_token="</s>", model_max_length=shape.context
    )
    tokenizer.chat_template = TEMPLATE
    return tokenizer


def _texts(version: Version) -> Iterator[str]:
    pairs = version.split("train")
    for turns in pairs.column("prompt").to_pylist():
        yield from (turn["content"] for turn in turns)
    for side in ("chosen", "rejected"):
        yield from pairs.column(side).to_pylist()
