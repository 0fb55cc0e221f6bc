"""Pack chats for training: neighbours that begin alike share a trunk, and branch where they differ."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import NamedTuple

import torch
from torch import Tensor
from transformers import PreTrainedTokenizerFast

from training.sandbox.tokenizer import EOS

Lesson = tuple[list[dict[str, str]], str]
"""Chat messages, and the reply to learn."""


class Tree(NamedTuple):
    """Token ids of a shared beginning and of the branches that continue it, each as (ids, where its reply starts)."""

    trunk: list[int]
    branches: list[tuple[list[int], int]]

    @property
    def size(self) -> int:
        return len(self.trunk) + sum(len(ids) for ids, _ in self.branches)


def encode(lessons: Sequence[Lesson], tokenizer: PreTrainedTokenizerFast) -> list[tuple[list[int], list[int]]]:
    """Token ids of each prompt, ending in <assistant>, and of each reply, ending in </s>."""
    prompts = [
        str(tokenizer.apply_chat_template(chat, tokenize=False, add_generation_prompt=True)) for chat, _ in lessons
    ]
    before = tokenizer.backend_tokenizer.encode_batch(prompts, add_special_tokens=False)
    after = tokenizer.backend_tokenizer.encode_batch([reply for _, reply in lessons], add_special_tokens=False)
    return [(prompt.ids, [*reply.ids, EOS]) for prompt, reply in zip(before, after, strict=True)]


def plant(lessons: Iterable[Lesson], tokenizer: PreTrainedTokenizerFast, branches: int = 5) -> Iterator[Tree]:
    """Join neighbouring lessons whose prompts begin alike, so that what they share is computed once.

    At most `branches` lessons share a tree, and only if they share more than half of their prompt.
    """
    grove: list[tuple[list[int], list[int]]] = []
    shared = 0
    stream = iter(lessons)
    # Tokenising many texts at once is several times faster than one by one.
    while chunk := list(islice(stream, 512)):
        for prompt, reply in encode(chunk, tokenizer):
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
    targets [trees, tokens] with -100 where nothing is learned.
    """

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
