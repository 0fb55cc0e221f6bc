"""Model calls: what was asked, what came back, and what it cost. Every call is a row."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from hashlib import blake2b
from typing import Any, Literal, NamedTuple, get_args

import pyarrow as pa

from schemas.base import Strict
from schemas.ids import ID_BYTES
from schemas.prompts import Message
from schemas.table import Table, column

Status = Literal["ok", "repaired", "bracketed", "refused", "truncated", "unparsable", "invalid", "quarantined"]
"""What a stored call came to. All are final: the same request is not asked again.

ok: the reply keeps to what was asked. repaired, bracketed: a JSON object was asked for, and one that keeps to the
schema is there, with surplus commas or with prose around it. refused: the model, or a filter before it, declined.
truncated: it ended at `max_tokens`. unparsable: a structure was asked for and the text is none. invalid: it is one, but
breaks the schema, or the reply is empty. quarantined: the request can never be answered: too long for the context, or
rejected as malformed.
"""

OutageKind = Literal["timeout", "upstream_error"]
"""Why there is no reply. An outage says nothing about the request: it is reported, and the next run asks again."""

OUTAGES: tuple[str, ...] = get_args(OutageKind)
STATUSES: tuple[str, ...] = (*get_args(Status), *OUTAGES)

CALLS = Table(
    name="calls",
    key=("call_id", "attempt"),
    order=("call_id",),
    columns=pa.schema(
        [
            column("call_id", pa.string(), required=True),
            column("attempt", pa.int32(), required=True),
            column("status", pa.string(), required=True),
            column("detail", pa.string()),
            column("purpose", pa.string(), required=True),
            column("subject", pa.string()),
            column("flags", pa.list_(pa.string())),
            column("engine", pa.string(), required=True),
            column("model", pa.string(), required=True),
            column("model_revision", pa.string(), required=True),
            column("adapter", pa.string()),
            column("template_hash", pa.string()),
            column("request", pa.string(), required=True),
            column("raw_text", pa.string(), required=True),
            column("finish_reason", pa.string(), required=True),
            column("logprobs", pa.string()),
            column("prompt_tokens", pa.int32(), required=True),
            column("completion_tokens", pa.int32(), required=True),
            column("latency_ms", pa.float64()),
            column("tries", pa.int32(), required=True),
            column("cost_usd", pa.float64()),
            column("finished_at", pa.timestamp("us")),
            column("run_id", pa.string()),
        ]
    ),
)


class Sampling(Strict):
    """How a reply is drawn."""

    temperature: float = 1.0
    """0 is greedy."""
    top_p: float = 1.0
    top_k: int = 0
    """Only the k likeliest tokens; all when 0."""
    min_p: float = 0.0
    """Only tokens at least this likely relative to the likeliest; all when 0."""
    max_tokens: int = 512
    """Longest reply, in tokens; a longer one ends with finish_reason `length`."""
    stop: tuple[str, ...] = ()
    presence_penalty: float = 0.0
    frequency_penalty: float = 0.0
    repetition_penalty: float = 1.0

    @cached_property
    def body(self) -> dict[str, Any]:
        """The settings as a JSON object, made once for the many requests that share them."""
        return self.model_dump(mode="json")


@dataclass(frozen=True, slots=True, kw_only=True)
class Structure:
    """The form that a reply must have. Engines that can enforce it do; every reply is checked against it."""

    kind: Literal["json", "regex", "choice"]
    text: str
    """A JSON schema, a regular expression for the whole reply, or a JSON list of the choices."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """Everything that can change an answer, except the model. Equal requests are asked once.

    `purpose`, `subject` (JSON: what the request is about) and `flags` (what is suspicious in it) are notes: they are
    stored with the call and do not change its key.
    """

    messages: tuple[Message, ...]
    sampling: Sampling
    seed: int
    structure: Structure | None = None
    top_logprobs: int = 0
    """Alternatives stored for every token of the reply; none when 0."""
    template_hash: str | None = None
    purpose: str
    subject: str | None = None
    flags: tuple[str, ...] = ()

    def body(self) -> dict[str, Any]:
        """The JSON object stored in `calls.request`."""
        structure = self.structure
        return {
            "messages": self.messages,
            "sampling": self.sampling.body,
            "seed": self.seed,
            "structure": structure and {"kind": structure.kind, "text": structure.text},
            "top_logprobs": self.top_logprobs,
            "template_hash": self.template_hash,
        }


def call_id_of(served: str, body: bytes) -> str:
    """Key of a call in the ledger: what serves it (`served`, a digest) and the request's canonical body."""
    return blake2b(b"%s\x1f%s" % (served.encode(), body), digest_size=ID_BYTES).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What an engine returns for one request.

    `finish_reason`: stop, length, refused, too_long when the prompt leaves no room for a reply, or rejected when the
    engine calls the request malformed (`detail` says how). `logprobs` is a JSON list with an object for each token of
    the reply: its alternatives and their log-probabilities. `tries` counts what was sent for it.
    """

    text: str
    finish_reason: str
    prompt_tokens: int
    completion_tokens: int
    latency_ms: float | None = None
    logprobs: str | None = None
    detail: str | None = None
    tries: int = 1

    @classmethod
    def unanswered(cls, reason: str, prompt_tokens: int, detail: str | None = None, tries: int = 1) -> Reply:
        """The reply to a request that can never be answered: `reason` is too_long or rejected."""
        return cls(
            text="",
            finish_reason=reason,
            prompt_tokens=prompt_tokens,
            completion_tokens=0,
            detail=detail,
            tries=tries,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Outage:
    """No reply after `tries` tries: a fact about the server, never stored as an answer."""

    kind: OutageKind
    detail: str
    tries: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One finished call: a row of `calls`."""

    call_id: str
    attempt: int = 0
    status: Status
    detail: str | None = None
    purpose: str
    subject: str | None = None
    flags: tuple[str, ...] | None = None
    engine: str
    model: str
    model_revision: str
    adapter: str | None = None
    template_hash: str | None = None
    request: str
    raw_text: str
    finish_reason: str
    logprobs: str | None = None
    prompt_tokens: int
    completion_tokens: int
    latency_ms: float | None = None
    tries: int = 1
    cost_usd: float | None = None
    finished_at: datetime | None = None
    run_id: str | None = None


class Answered(NamedTuple):
    """What the ledger holds for a request, or, with the status of an outage, that it holds nothing."""

    call_id: str
    status: str
    raw_text: str
    finish_reason: str
    logprobs: str | None
    completion_tokens: int
    run_id: str | None
