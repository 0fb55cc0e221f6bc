"""Model calls: what was asked, what came back, and what it cost. Every call is a row."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from schemas.base import Strict
from schemas.ids import canonical, content_id
from schemas.prompts import Message
from schemas.table import Table, column

CALLS = Table(
    name="calls",
    key=("call_id", "attempt"),
    columns=pa.schema(
        [
            column("call_id", pa.string(), required=True),
            column("attempt", pa.int32(), required=True),
            column("purpose", pa.string(), required=True),
            column("engine", pa.string(), required=True),
            column("model", pa.string(), required=True),
            column("model_revision", pa.string(), required=True),
            column("template_hash", pa.string()),
            column("request", pa.string(), required=True),
            column("raw_text", pa.string(), required=True),
            column("finish_reason", pa.string(), required=True),
            column("prompt_tokens", pa.int32(), required=True),
            column("completion_tokens", pa.int32(), required=True),
            column("latency_ms", pa.float64()),
            column("cost_usd", pa.float64()),
            column("run_id", pa.string()),
        ]
    ),
)


class Sampling(Strict):
    """How a reply is drawn."""

    temperature: float = 1.0
    """0 is greedy."""
    top_p: float = 1.0
    max_tokens: int = 512
    """Longest reply, in tokens; a longer one ends with finish_reason `length`."""
    stop: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """Everything that can change an answer, except the model. Equal requests are asked once."""

    messages: tuple[Message, ...]
    sampling: Sampling
    seed: int
    json_schema: str | None = None
    """Canonical JSON of the schema that the reply must satisfy, where the engine can enforce one."""
    purpose: str
    template_hash: str | None = None

    def body(self) -> dict[str, Any]:
        """The JSON object stored in `calls.request`."""
        return {
            "messages": list(self.messages),
            "sampling": self.sampling.model_dump(mode="json"),
            "seed": self.seed,
            "json_schema": self.json_schema,
        }

    def call_id(self, engine: str, model: str, revision: str) -> str:
        """Key of the call in the ledger: request, template, engine, model and its revision."""
        return content_id("call", engine, model, revision, self.template_hash, self.body())


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What an engine returns for one request. `finish_reason`: stop, length, or too_long when nothing was generated
    because the prompt does not fit the context.
    """

    text: str
    finish_reason: str
    prompt_tokens: int
    completion_tokens: int
    latency_ms: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One finished call: a row of `calls`."""

    call_id: str
    attempt: int
    purpose: str
    engine: str
    model: str
    model_revision: str
    template_hash: str | None
    request: str
    raw_text: str
    finish_reason: str
    prompt_tokens: int
    completion_tokens: int
    latency_ms: float | None
    cost_usd: float | None
    run_id: str | None

    @classmethod
    def of(cls, request: Request, reply: Reply, *, engine: str, model: str, revision: str, run_id: str) -> Call:
        """The row for a request and its reply."""
        return cls(
            call_id=request.call_id(engine, model, revision),
            attempt=0,
            purpose=request.purpose,
            engine=engine,
            model=model,
            model_revision=revision,
            template_hash=request.template_hash,
            request=canonical(request.body()),
            raw_text=reply.text,
            finish_reason=reply.finish_reason,
            prompt_tokens=reply.prompt_tokens,
            completion_tokens=reply.completion_tokens,
            latency_ms=reply.latency_ms,
            cost_usd=None,
            run_id=run_id,
        )
