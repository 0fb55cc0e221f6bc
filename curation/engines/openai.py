"""Any OpenAI-compatible server: one or several endpoints, or a `vllm serve` that is started for the run."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

import orjson
from pydantic import Field

from curation.engines import Answer, Engine
from curation.local_server import vllm_server
from curation.logprobs import spelled
from curation.threads import Put, beside
from schemas.calls import Outage, Reply, Request
from schemas.errors import ConfigError, UpstreamError

if TYPE_CHECKING:
    from openai import APIStatusError, AsyncOpenAI

    from curation.fleet import Received

CONTEXT = ("maximum context", "context length", "context_length", "too many tokens", "longer than the maximum")
"""How servers say that a prompt is too long."""


class OpenAI(Engine):
    """Chat completions through the official client, at a pace that the servers keep up with."""

    name = "openai"

    base_urls: tuple[str, ...] = ()
    """Endpoints that serve the same model, such as http://127.0.0.1:8000/v1; requests go to those that are well."""
    serve: tuple[str, ...] | None = None
    """Start `vllm serve` with these arguments for the run, and stop it afterwards; `serve: []` adds none."""
    api_key_env: str = "OPENAI_API_KEY"
    """Environment variable that holds the key. The key itself is never written anywhere."""
    weights: str | None = None
    """What identifies the weights behind a remote name; the name itself when absent."""
    concurrency: int = Field(default=16, ge=1)
    """Requests under way at an endpoint when a run begins; the pace adapts."""
    least_concurrency: int = Field(default=4, ge=1)
    """Where slowing down ends."""
    most_concurrency: int = Field(default=256, ge=1)
    """Where speeding up ends."""
    timeout_s: float = Field(default=120.0, gt=0)
    """Longest wait for one reply."""
    max_retries: int = Field(default=8, ge=0)
    """Tries after the first for a request that meets 408, 409, 429, 5xx, a broken connection or silence."""
    patience_s: float = Field(default=300.0, ge=0)
    """How long a run waits for endpoints that refuse every connection."""
    structures: Literal["all", "json", "none"] = "all"
    """Forms of replies that the servers are told to keep to. `json`: schemas in `response_format` alone, for servers
    that reject vLLM's `structured_outputs`, which holds patterns and choices. `none`: for those that reject both; then
    only the template says what form is wanted, and a judge still reads JSON with prose or a fence of code around it."""

    def identity(self) -> dict[str, Any]:
        enforced = {} if self.structures == "all" else {"structures": self.structures}
        return super().identity() | enforced

    def revision(self, model: str) -> str:
        return self.weights or super().revision(model)

    @contextmanager
    def start(self, model: str, adapter: str | None = None) -> Iterator[Answer]:
        if adapter:
            raise ConfigError("The engine openai serves adapters by the server's own name for them; use it as model.")
        if (self.serve is None) == (not self.base_urls):
            raise ConfigError("The engine openai needs base_urls, or serve: [] to start a server of its own.")
        local = nullcontext(self.base_urls) if self.serve is None else vllm_server(model, self.serve)
        with local as urls:
            yield lambda requests: beside(partial(self._replies, model, [url.rstrip("/") for url in urls], requests))

    async def _replies(
        self, model: str, urls: Sequence[str], requests: Iterable[Request], put: Put[tuple[Request, Reply | Outage]]
    ) -> None:
        from openai import AsyncOpenAI

        from curation.fleet import Fleet

        key = os.environ.get(self.api_key_env) or "none"
        fleet = Fleet(
            urls,
            start=self.concurrency,
            least=min(self.least_concurrency, self.concurrency),
            most=max(self.most_concurrency, self.concurrency),
            timeout_s=self.timeout_s,
            patience_s=self.patience_s,
            key=key,
        )
        stream = iter(requests)

        async def work(client: AsyncOpenAI) -> None:
            for request in stream:
                await put((request, await _ask(client, body(model, request, self.structures), key)))

        async with fleet:
            client = AsyncOpenAI(base_url=urls[0], api_key=key, max_retries=self.max_retries, http_client=fleet)
            try:
                async with asyncio.TaskGroup() as group:
                    for _ in range(max(self.most_concurrency, self.concurrency) * len(urls)):
                        group.create_task(work(client))
            except BaseExceptionGroup as errors:
                raise errors.exceptions[0] from None


async def _ask(client: AsyncOpenAI, content: bytes, key: str) -> Reply | Outage:
    """One request, with all its retries."""
    import httpx2
    import openai

    try:
        received: Any = await client.post(
            f"{client.base_url}chat/completions", cast_to=httpx2.Response, content=content, options=SETTLED
        )
    except openai.APITimeoutError as error:
        return Outage(kind="timeout", detail="no reply in time", tries=_tries(error.request))
    except openai.APIConnectionError as error:
        return Outage(kind="upstream_error", detail=str(error.__cause__), tries=_tries(error.request))
    except openai.APIStatusError as error:
        return _refused(error, key)
    return reply(received)


SETTLED: Any = {
    "headers": {"Content-Type": "application/json"},
    "params": {},
    "security": {"bearer_auth": True},
    "idempotency_key": "none",
    "follow_redirects": None,
    "extra_json": None,
}
"""Options of every request, given so that the client need not work out their defaults 20,000 times."""


def body(model: str, request: Request, structures: str = "all") -> bytes:
    """The JSON body of a request. What only some servers know is sent only where it is asked for."""
    sampling = request.sampling
    fields: dict[str, Any] = {
        "model": model,
        "messages": request.messages,
        "temperature": sampling.temperature,
        "top_p": sampling.top_p,
        "max_tokens": sampling.max_tokens,
        "seed": request.seed,
    }
    if sampling.stop:
        fields["stop"] = sampling.stop
    for name, neutral in (("presence_penalty", 0), ("frequency_penalty", 0), ("repetition_penalty", 1)):
        if (value := getattr(sampling, name)) != neutral:
            fields[name] = value
    for name in ("top_k", "min_p"):
        if value := getattr(sampling, name):
            fields[name] = value
    if request.top_logprobs:
        fields |= {"logprobs": True, "top_logprobs": request.top_logprobs}
    return orjson.dumps(fields | _structure(request, structures))


def _structure(request: Request, told: str) -> dict[str, Any]:
    """A JSON schema as OpenAI has it; a pattern or choices as vLLM's server has them; what may not be told is not."""
    structure = request.structure
    if structure is None or told == "none" or (told == "json" and structure.kind != "json"):
        return {}
    if structure.kind == "json":
        schema = {"name": "reply", "strict": True, "schema": json.loads(structure.text)}
        return {"response_format": {"type": "json_schema", "json_schema": schema}}
    value = structure.text if structure.kind == "regex" else json.loads(structure.text)
    return {"structured_outputs": {structure.kind: value}}


def reply(received: Received) -> Reply:
    """The reply in the body of a chat completion."""
    choice = received.body["choices"][0]
    message, usage = choice["message"], received.body.get("usage") or {}
    refusal = message.get("refusal")
    reason = choice.get("finish_reason") or "stop"
    if refusal or reason == "content_filter":
        reason = "refused"
    return Reply(
        text=(message.get("content") or "").strip(),
        finish_reason=reason if reason in ("length", "refused") else "stop",
        prompt_tokens=usage.get("prompt_tokens") or 0,
        completion_tokens=usage.get("completion_tokens") or 0,
        latency_ms=received.seconds * 1000,
        logprobs=_logprobs(choice.get("logprobs")),
        detail=refusal or None,
        tries=_tries(received.request),
    )


def _logprobs(found: dict[str, Any] | None) -> str | None:
    """For each token of the reply, its alternatives and their log-probabilities."""
    if not found or not found.get("content"):
        return None
    return json.dumps(
        [spelled((one["token"], one["logprob"]) for one in at["top_logprobs"]) for at in found["content"]]
    )


def _tries(request: Any) -> int:
    return int(request.headers.get("x-stainless-retry-count", 0)) + 1


def _refused(error: APIStatusError, key: str) -> Reply | Outage:
    """What a status other than 200 says: of the server, of the request, or of our access to it."""
    status, said = error.status_code, _said(error, key)
    tries = _tries(error.request)
    if status in (401, 403, 404):
        raise UpstreamError(f"The server answers {status} ({said}); correct the key, the URL or the model's name.")
    if status == 429 or status >= 500 or status in (408, 409):
        return Outage(kind="upstream_error", detail=f"status {status}", tries=tries)
    too_long = any(phrase in said.lower() for phrase in CONTEXT)
    detail = f"The server rejects the request with status {status}: {said}"
    return Reply.unanswered("too_long" if too_long else "rejected", 0, detail, tries)


def _said(error: APIStatusError, key: str) -> str:
    """What the server says, short, and without the key even if it repeats it."""
    found = error.body if isinstance(error.body, dict) else {}
    return " ".join(str(found.get("message") or error.response.text or "no reason").replace(key, "***").split())[:200]
