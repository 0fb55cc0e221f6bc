"""transformers in this process: slower than vLLM, and at home wherever torch is."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from curation import checkpoints
from curation.engines import Answer, Engine, in_batches
from schemas.calls import Reply, Request
from schemas.errors import ModelError, UpstreamError
from schemas.revision import adapter_revision

if TYPE_CHECKING:
    from curation.decoding import Grammars, Row


class Transformers(Engine):
    """The fallback where vLLM does not run, macOS among them: batches in this process, structures enforced."""

    name = "transformers"

    dtype: Literal["auto", "float32", "bfloat16"] = "auto"
    """Number format of the weights. float32 makes replies independent of the batch they were computed in."""
    max_model_len: int | None = Field(default=None, ge=2)
    """Longest prompt plus reply, in tokens; the model's own limit when absent."""
    batch_size: int = Field(default=32, ge=1)
    """Requests decoded at once; lower it when memory runs out. No reply depends on it."""

    def identity(self) -> dict[str, Any]:
        return {"name": self.name, "dtype": self.dtype, "max_model_len": self.max_model_len}

    @contextmanager
    def start(self, model: str, adapter: str | None = None) -> Iterator[Answer]:
        self.revision(model)
        yield partial(in_batches, self._load(model, adapter).replies, self.batch_size)

    def _load(self, model: str, adapter: str | None) -> Served:
        from transformers import AutoModelForCausalLM

        loaded = checkpoints.load(model, AutoModelForCausalLM, dtype=self.dtype, kind="language model")
        weights, tokenizer = loaded
        if tokenizer.chat_template is None:
            raise ModelError(f"{model} has no chat template; save one with its tokenizer, or use an instruct model.")
        ends = weights.generation_config.eos_token_id
        ends = {*(ends if isinstance(ends, list) else [ends]), tokenizer.eos_token_id} - {None}
        return Served(
            weights=weights if adapter is None else _adapted(weights, adapter),
            tokenizer=tokenizer,
            limit=loaded.limit(self.max_model_len),
            end=frozenset(ends),
        )


@dataclass(frozen=True, kw_only=True)
class Served:
    """A loaded model, and how it is asked."""

    weights: Any
    tokenizer: Any
    limit: int
    """Longest prompt plus reply, in tokens."""
    end: frozenset[int]
    """Tokens that end a reply."""

    @cached_property
    def grammars(self) -> Grammars:
        """Made on first use: the vocabulary takes seconds to read, and most runs ask for no structure."""
        from curation.decoding import Grammars

        return Grammars(self.tokenizer, self.weights.config.get_text_config().vocab_size, self.end)

    def replies(self, requests: Sequence[Request]) -> list[Reply]:
        """One reply a request, in order."""
        start = time.perf_counter()
        rows = [self._row(request) for request in requests]
        self._decode([row for row in rows if not isinstance(row, Reply)])
        latency_ms = (time.perf_counter() - start) * 1000 / len(rows)
        return [row if isinstance(row, Reply) else _reply(row, latency_ms) for row in rows]

    def _row(self, request: Request) -> Row | Reply:
        """The reply to be decoded; a finished one where the request cannot be answered."""
        import torch
        from jinja2 import TemplateError

        from curation.decoding import BadStructure, Row

        try:
            prompt = self.tokenizer.apply_chat_template(
                list(request.messages), add_generation_prompt=True, tokenize=True, return_dict=False
            )
        except TemplateError as error:
            return Reply.unanswered("rejected", 0, f"The chat template refuses the messages: {error}")
        if len(prompt) >= self.limit:
            return Reply.unanswered("too_long", len(prompt))
        try:
            matcher = request.structure and self.grammars.matcher(request.structure)
        except BadStructure as error:
            return Reply.unanswered("rejected", len(prompt), str(error))
        return Row(
            request=request,
            prompt=prompt,
            room=min(request.sampling.max_tokens, self.limit - len(prompt)),
            end=self.end,
            dice=torch.Generator(self.weights.device).manual_seed(request.seed),
            matcher=matcher,
        )

    def _decode(self, rows: Sequence[Row]) -> None:
        """Complete all rows."""
        import torch
        from transformers import GenerationConfig

        from curation.decoding import Draws, Ends

        if not rows:
            return
        width, pad = max(len(row.prompt) for row in rows), min(self.end, default=0)
        # The model's own generation settings must not add to what a request asks for.
        self.weights.generation_config = GenerationConfig(pad_token_id=pad, eos_token_id=sorted(self.end) or None)
        ids = torch.tensor([[pad] * (width - len(row.prompt)) + row.prompt for row in rows])
        mask = torch.tensor([[0] * (width - len(row.prompt)) + [1] * len(row.prompt) for row in rows])
        spell = partial(self.tokenizer.decode, skip_special_tokens=False)
        decode = partial(self.tokenizer.decode, skip_special_tokens=True)
        try:
            self.weights.generate(
                input_ids=ids.to(self.weights.device),
                attention_mask=mask.to(self.weights.device),
                do_sample=False,
                max_new_tokens=max(row.room for row in rows),
                logits_processor=[Draws(rows, spell)],
                stopping_criteria=[Ends(rows, decode)],
            )
        except torch.OutOfMemoryError as error:
            raise UpstreamError(f"A batch of {len(rows)} does not fit into memory; lower `batch_size`.") from error


def _adapted(weights: Any, adapter: str) -> Any:
    """The model with a LoRA adapter laid over it. Not merged, for that would round the weights."""
    try:
        from peft import PeftModel
    except ImportError as error:
        raise UpstreamError("peft is not installed; `pip install peft` to serve an adapter.") from error
    adapter_revision(Path(adapter))
    try:
        return PeftModel.from_pretrained(weights, adapter)
    except (OSError, ValueError, RuntimeError) as error:
        raise ModelError(f"{adapter} does not fit the model: {str(error).splitlines()[0]}") from error


def _reply(row: Row, latency_ms: float) -> Reply:
    return Reply(
        text=row.text,
        finish_reason=row.finish or "stop",
        prompt_tokens=len(row.prompt),
        completion_tokens=len(row.said),
        latency_ms=latency_ms,
        logprobs=json.dumps(row.logprobs) if row.logprobs else None,
    )
