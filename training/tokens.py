"""Text to token ids: the chat template writes the text once, and the prompt's share is found in the ids."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from jinja2 import TemplateError
from transformers import PreTrainedTokenizerBase

from schemas.errors import ModelError
from schemas.prompts import Message

Messages = Sequence[Message]
"""A prompt: messages with `role` and `content`."""

TURN_GAP = "\n\n"
"""Between messages when the tokenizer has no chat template."""

PROBE = "response"
"""Stands for a response when asking what a chat template writes after one."""


@dataclass(frozen=True, slots=True)
class Encoded:
    """One prompt with its response. `ids[:cut]` is the prompt, `ids[cut:]` the response and its end token."""

    ids: list[int]
    cut: int


def encode(tokenizer: PreTrainedTokenizerBase, prompts: Sequence[Messages], responses: Sequence[str]) -> list[Encoded]:
    """Token ids of every prompt with its response, each ending in exactly one EOS.

    Prompt and response are never tokenised apart and joined: a token may span the border. The cut is the longest
    common prefix of ids(prompt) and ids(prompt + response).
    """
    heads = encode_prompts(tokenizer, prompts)
    fulls = _ids(tokenizer, _texts(tokenizer, prompts, responses))
    eos = tokenizer.eos_token_id
    if not isinstance(eos, int):
        raise ModelError("The tokenizer has no end token; set `eos_token` in its tokenizer_config.json.")
    return [
        Encoded(full if full and full[-1] == eos else [*full, eos], _common_prefix(head, full))
        for head, full in zip(heads, fulls, strict=True)
    ]


def encode_prompts(tokenizer: PreTrainedTokenizerBase, prompts: Sequence[Messages]) -> list[list[int]]:
    """Token ids of prompts, ready for a response."""
    return _ids(tokenizer, _texts(tokenizer, prompts))


def _texts(
    tokenizer: PreTrainedTokenizerBase, prompts: Sequence[Messages], responses: Sequence[str] | None = None
) -> list[str]:
    """The prompts as text, ready for a response, or with one."""
    if responses is None:
        turns = [list(prompt) for prompt in prompts]
    else:
        said = zip(prompts, responses, strict=True)
        turns = [[*prompt, {"role": "assistant", "content": response}] for prompt, response in said]
    if not tokenizer.chat_template:
        end = TURN_GAP if responses is None else ""
        return [TURN_GAP.join(message["content"] for message in turn) + end for turn in turns]
    texts = _rendered(tokenizer, turns, generation=responses is None)
    surplus = 0 if responses is None else _surplus(tokenizer)
    return [text[: len(text) - surplus] for text in texts]


def _rendered(tokenizer: PreTrainedTokenizerBase, turns: Sequence[Messages], generation: bool) -> list[str]:
    write: Any = tokenizer.apply_chat_template
    try:
        return write(turns, tokenize=False, add_generation_prompt=generation) if turns else []
    except TemplateError as error:
        raise ModelError(f"The tokenizer's chat template refuses a prompt: {error}") from error


def _surplus(tokenizer: PreTrainedTokenizerBase) -> int:
    """Characters that a template writes after the end token of a response, such as a newline: they are not learned."""
    turn = [Message(role="user", content=PROBE), Message(role="assistant", content=PROBE)]
    tail = _rendered(tokenizer, [turn], generation=False)[0].rpartition(PROBE)[2]
    _, end, rest = tail.partition(str(tokenizer.eos_token))
    return len(rest) if end else 0


def _ids(tokenizer: PreTrainedTokenizerBase, texts: list[str]) -> list[list[int]]:
    """Ids without special tokens: a chat template writes its own, and twice the start token shifts everything."""
    if not texts:
        return []
    call: Any = tokenizer
    ids: list[list[int]] = call(texts, add_special_tokens=False)["input_ids"]
    bos = call.bos_token_id
    if call.chat_template or bos is None or call("")["input_ids"][:1] != [bos]:
        return ids
    return [[bos, *row] for row in ids]


def _common_prefix(head: list[int], full: list[int]) -> int:
    """Number of leading ids that both share."""
    if full[: len(head)] == head:
        return len(head)
    return next(place for place, (a, b) in enumerate(zip([*head, -1], [*full, -2], strict=False)) if a != b)
