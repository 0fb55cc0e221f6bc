"""Sequence classifiers, in this process: the reply to a conversation is its reward, as a number."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal, NamedTuple

from pydantic import Field

from curation import checkpoints
from curation.asking import conversation
from curation.engines import Answer, Engine, in_batches
from schemas.calls import Reply, Request
from schemas.errors import ConfigError, ModelError, UpstreamError
from schemas.prompts import Message

REWARD_OUTPUT = "reward"
"""The output that is the reward, where a model has several."""

DIGITS = 6
"""Of a reward: batches of another width differ in the digits behind these."""


class RewardModel(Engine):
    """Serves any local or cached `...ForSequenceClassification` with one output, or one named `reward`.

    A conversation is read by the tokenizer's chat template. An encoder without one, such as a DeBERTa trained on pairs
    of texts, reads the prompt as its first text and the answer as its second. Safetensors only, no remote code.
    """

    name = "reward_model"

    dtype: Literal["auto", "float32", "bfloat16"] = "auto"
    """Number format of the trunk; rewards are float32."""
    max_model_len: int | None = Field(default=None, ge=2)
    """Longest conversation, in tokens; the model's own limit when absent. A longer one gets no reward: none is cut."""
    batch_size: int = Field(default=16, ge=1)
    """Conversations read at once; lower it when memory runs out."""

    def identity(self) -> dict[str, Any]:
        return {"name": self.name, "dtype": self.dtype, "max_model_len": self.max_model_len}

    @contextmanager
    def start(self, model: str, adapter: str | None = None) -> Iterator[Answer]:
        if adapter is not None:
            raise ConfigError(f"The engine {self.name} takes no adapter; merge {adapter} into the model.")
        self.revision(model)
        yield partial(in_batches, self._load(model).replies, self.batch_size)

    def _load(self, model: str) -> Served:
        from transformers import AutoModelForSequenceClassification

        mend = "train one with `prefinery train reward`"
        loaded = checkpoints.load(
            model, AutoModelForSequenceClassification, dtype=self.dtype, kind="reward model", mend=mend
        )
        weights, tokenizer = loaded
        outputs = weights.config.label2id
        if len(outputs) > 1 and REWARD_OUTPUT not in outputs:
            raise ModelError(f"{model} has {len(outputs)} outputs; a reward model has one, or one named `reward`.")
        if tokenizer.chat_template is None and hasattr(weights, "score"):
            raise ModelError(f"{model} has no chat template; save one with its tokenizer.")
        if tokenizer.pad_token_id is None:
            tokenizer.pad_token_id = tokenizer.eos_token_id or 0
        weights.config.pad_token_id = tokenizer.pad_token_id
        column = outputs.get(REWARD_OUTPUT, 0)
        return Served(weights=weights, tokenizer=tokenizer, limit=loaded.limit(self.max_model_len), column=column)


class Row(NamedTuple):
    """A conversation as the model reads it."""

    ids: list[int]
    types: list[int]
    """Of which text each token is, 0 or 1; all 0 under a chat template."""


@dataclass(frozen=True, kw_only=True)
class Served:
    """A loaded model."""

    weights: Any
    tokenizer: Any
    limit: int
    """Longest conversation, in tokens."""
    column: int
    """The output that is the reward."""

    def replies(self, requests: Sequence[Request]) -> list[Reply]:
        """One reply a request, in order."""
        start = time.perf_counter()
        rows = [self._row(request) for request in requests]
        rewards = iter(self._rewards([row for row in rows if not isinstance(row, Reply)]))
        latency_ms = (time.perf_counter() - start) * 1000 / len(rows)
        return [row if isinstance(row, Reply) else _reply(next(rewards), len(row.ids), latency_ms) for row in rows]

    def _row(self, request: Request) -> Row | Reply:
        """The tokens of a conversation, or the reply where it cannot be read."""
        from jinja2 import TemplateError

        try:
            row = self._tokens(request.messages)
        except TemplateError as error:
            return Reply.unanswered("rejected", 0, f"The chat template refuses the messages: {error}")
        return Reply.unanswered("too_long", len(row.ids)) if len(row.ids) > self.limit else row

    def _tokens(self, messages: Sequence[Message]) -> Row:
        if self.tokenizer.chat_template is not None:
            ids = self.tokenizer.apply_chat_template(list(messages), tokenize=True, return_dict=False)
            return Row(ids, [0] * len(ids))
        pair = self.tokenizer(conversation(messages[:-1]), messages[-1]["content"], return_token_type_ids=True)
        return Row(pair["input_ids"], pair["token_type_ids"])

    def _rewards(self, rows: Sequence[Row]) -> list[float]:
        """The rewards of tokenized conversations."""
        import torch

        if not rows:
            return []
        width, where = max(len(row.ids) for row in rows), self.weights.device
        lines = (
            _wide([row.ids for row in rows], width, self.weights.config.pad_token_id),
            _wide([[1] * len(row.ids) for row in rows], width, 0),
            _wide([row.types for row in rows], width, 0),
        )
        try:
            with torch.inference_mode():
                logits = self._scored(*(torch.tensor(line, device=where) for line in lines))
        except torch.OutOfMemoryError as error:
            raise UpstreamError(f"A batch of {len(rows)} does not fit into memory; lower `batch_size`.") from error
        return logits[:, self.column].float().tolist()

    def _scored(self, ids: Any, mask: Any, types: Any) -> Any:
        """The classifier's own forward finds the last token by the padding token, which may be a token of the text."""
        import torch

        trunk, head = self.weights.base_model, getattr(self.weights, "score", None)
        if head is None:  # encoders read their first token
            told = {"token_type_ids": types} if getattr(self.weights.config, "type_vocab_size", 0) > 1 else {}
            return self.weights(input_ids=ids, attention_mask=mask, **told).logits
        hidden = trunk(input_ids=ids, attention_mask=mask).last_hidden_state
        last = hidden[torch.arange(len(ids), device=ids.device), mask.sum(1) - 1]
        return head(last)


def _wide(rows: Sequence[list[int]], width: int, pad: int) -> list[list[int]]:
    """The rows at one width."""
    return [row + [pad] * (width - len(row)) for row in rows]


def _reply(reward: float, n_tokens: int, latency_ms: float) -> Reply:
    return Reply(
        text=f"{reward:.{DIGITS}g}",
        finish_reason="stop",
        prompt_tokens=n_tokens,
        completion_tokens=0,
        latency_ms=latency_ms,
    )
