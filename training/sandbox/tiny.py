"""Train a tiny Llama on the replies of chats: packing, the one loop, and folders that appear whole or not at all."""

import hashlib
import json
import math
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import torch
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor
from torch.nn.functional import cross_entropy
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

Lesson = tuple[list[dict[str, str]], str]
"""Chat messages, and the reply to learn."""


class Strict(BaseModel):
    """Frozen settings: an unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Shape(Strict):
    """Size of the Llama."""

    layers: int = Field(default=4, ge=1)
    """Transformer blocks."""
    width: int = Field(default=128, ge=32, multiple_of=32)
    """Hidden size; the heads are 32 wide."""
    inner: int = Field(default=256, ge=32)
    """Width inside the feed-forward blocks."""


class Fit(Strict):
    """How to run one training."""

    trees: int = Field(default=64, ge=1)
    """Trees per batch: each is one shared prompt with its replies."""
    rate: float = Field(default=3e-3, gt=0)
    """Peak learning rate; it rises for `warmup` steps, then falls to a tenth along a cosine."""
    warmup: int = Field(default=20, ge=0)
    """Steps."""
    floor: float = Field(default=0.05, ge=0, le=1)
    """Last learning rate as a share of the peak."""


class Tree(NamedTuple):
    """Token ids of a shared beginning and of the branches that continue it, each as (ids, where its reply starts)."""

    trunk: list[int]
    branches: list[tuple[list[int], int]]

    @property
    def size(self) -> int:
        return len(self.trunk) + sum(len(ids) for ids, _ in self.branches)


def new_model(shape: Shape, tokenizer: PreTrainedTokenizerFast) -> LlamaForCausalLM:
    """An untrained model; its weights follow torch's global seed."""
    return LlamaForCausalLM(
        LlamaConfig(
            vocab_size=len(tokenizer),
            hidden_size=shape.width,
            intermediate_size=shape.inner,
            num_hidden_layers=shape.layers,
            num_attention_heads=shape.width // 32,
            num_key_value_heads=shape.width // 32,
            max_position_embeddings=512,
            tie_word_embeddings=True,
            bos_token_id=tokenizer.bos_token_id,
            eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.pad_token_id,
            initializer_range=0.05,
        )
    )


def encode(lesson: Lesson, tokenizer: PreTrainedTokenizerFast) -> tuple[list[int], list[int]]:
    """Token ids of the prompt, ending in <assistant>, and of the reply, ending in </s>."""
    messages, reply = lesson
    prompt = tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
    before = tokenizer(prompt, add_special_tokens=False).input_ids
    after = tokenizer(reply, add_special_tokens=False).input_ids
    return before, [*after, tokenizer.eos_token_id]


def plant(lessons: Iterable[Lesson], tokenizer: PreTrainedTokenizerFast, branches: int = 5) -> Iterator[Tree]:
    """Join neighbouring lessons whose prompts begin alike, so that what they share is computed once.

    At most `branches` lessons share a tree, and only if they share more than half of their prompt.
    """
    grove: list[tuple[list[int], list[int]]] = []
    shared = 0
    for lesson in lessons:
        prompt, reply = encode(lesson, tokenizer)
        common = _common(grove[0][0], prompt, shared) if grove else len(prompt)
        if grove and (len(grove) == branches or 2 * common < len(prompt)):
            yield _tree(grove, shared)
            grove, common = [], len(prompt)
        grove.append((prompt, reply))
        shared = common
    if grove:
        yield _tree(grove, shared)


def _common(left: list[int], right: list[int], limit: int) -> int:
    """How many of the first `limit` ids are the same."""
    for place, (one, other) in enumerate(zip(left[:limit], right, strict=False)):
        if one != other:
            return place
    return min(limit, len(right))


def _tree(grove: list[tuple[list[int], list[int]]], shared: int) -> Tree:
    # The trunk's last token predicts the first token of one branch only, so each branch keeps a copy of it.
    cut = max(0, shared - 1)
    return Tree(grove[0][0][:cut], [(prompt[cut:] + reply, len(prompt) - cut) for prompt, reply in grove])


class Batch(NamedTuple):
    """Padded trees. Shapes: ids and positions [trees, tokens], mask [trees, 1, tokens, tokens] (True = may look),
    targets [trees, tokens] with -100 where nothing is learned."""

    ids: Tensor
    positions: Tensor
    mask: Tensor
    targets: Tensor


def collate(trees: Sequence[Tree], pad: int) -> Batch:
    """One batch; a branch sees the trunk and itself, never its neighbours."""
    width = max(tree.size for tree in trees)
    ids = torch.full((len(trees), width), pad)
    positions = torch.zeros(len(trees), width, dtype=torch.long)
    targets = torch.full((len(trees), width), -100)
    owner = torch.full((len(trees), width), -1)
    for row, (trunk, branches) in enumerate(trees):
        ids[row, : len(trunk)] = torch.tensor(trunk, dtype=torch.long)
        positions[row, : len(trunk)] = torch.arange(len(trunk))
        owner[row, : len(trunk)] = 0
        start = len(trunk)
        for number, (branch, reply) in enumerate(branches, 1):
            end = start + len(branch)
            ids[row, start:end] = torch.tensor(branch)
            positions[row, start:end] = torch.arange(len(trunk), len(trunk) + len(branch))
            targets[row, start + reply - 1 : end - 1] = ids[row, start + reply : end]
            owner[row, start:end] = number
            start = end
    causal = torch.ones(width, width, dtype=torch.bool).tril()
    same = (owner[:, :, None] == owner[:, None, :]) | (owner[:, None, :] == 0)
    return Batch(ids, positions, (causal & same)[:, None], targets)


def bucketed(trees: Iterable[Tree], size: int, pad: int, pool: int = 16) -> Iterator[Batch]:
    """Batches of `size` trees of like length: sorted within every `pool` batches, which keeps padding low."""
    stream = iter(trees)
    while chunk := list(islice(stream, size * pool)):
        chunk.sort(key=lambda tree: tree.size)
        groups = [chunk[start : start + size] for start in range(0, len(chunk), size)]
        # Lengths must not rise within every pool, or the model would drift with them: a fixed stride mixes them.
        order = sorted(range(len(groups)), key=lambda place: (place * 7) % 16)
        for place in order:
            yield collate(groups[place], pad)


def fit(model: LlamaForCausalLM, batches: Iterable[Batch], steps: int, how: Fit) -> Iterator[dict[str, float]]:
    """Train in place for at most `steps` batches; yields step, loss (nats per reply token) and tokens read so far."""
    optimizer = torch.optim.AdamW(model.parameters(), lr=how.rate, weight_decay=0.01, betas=(0.9, 0.98), fused=True)
    model.train()
    tokens = 0
    for step, batch in enumerate(islice(batches, steps)):
        for group in optimizer.param_groups:
            group["lr"] = how.rate * _schedule(step, steps, how)
        loss = reply_loss(model, batch)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        tokens += batch.ids.numel()
        yield {"step": step + 1, "steps": steps, "loss": loss.item(), "tokens": tokens}
    model.eval()


def _schedule(step: int, steps: int, how: Fit) -> float:
    rise = min(1.0, (step + 1) / max(1, how.warmup))
    fall = 0.5 * (1 + math.cos(math.pi * step / max(1, steps)))
    return rise * (how.floor + (1 - how.floor) * fall)


def reply_loss(model: LlamaForCausalLM, batch: Batch) -> Tensor:
    """Mean negative log-likelihood of the reply tokens; logits are computed for those alone."""
    hidden = model.model(
        input_ids=batch.ids, position_ids=batch.positions, attention_mask=batch.mask, use_cache=False
    ).last_hidden_state
    learned = batch.targets != -100
    return cross_entropy(model.lm_head(hidden[learned]), batch.targets[learned])


def fingerprint(*settings: BaseModel | str) -> str:
    """Short hash of settings: the name under which a trained folder is found again."""
    text = json.dumps([each if isinstance(each, str) else each.model_dump(mode="json") for each in settings])
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()


def save(model: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast, folder: Path) -> None:
    """Write a Hugging Face folder that is whole from the moment it can be seen."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    model.save_pretrained(draft)
    tokenizer.save_pretrained(draft)
    shutil.rmtree(folder, ignore_errors=True)
    os.replace(draft, folder)
