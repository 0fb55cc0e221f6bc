"""The ledger: answers come from the `calls` table, and the engine is asked only for what is missing."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import chain, compress, islice
from pathlib import Path

import numpy as np
import orjson
import pyarrow as pa

from curation.budget import Budget, prompt_bytes
from curation.engines import Answer, Engine
from curation.status import status_of
from schemas.calls import CALLS, Answered, Call, Outage, Reply, Request, call_id_of
from schemas.errors import UpstreamError
from schemas.ids import content_id
from schemas.revision import adapter_revision
from warehouse.journal import Journal, journal, recover
from warehouse.lake import Lake

MOST_OUTAGES = 200
"""Outages without a reply in between after which a run stops: the server is down, and asking on costs tries."""

CHUNK = 10_000
"""Requests whose keys are gathered before they become a column."""

SLICE = 100_000
"""Replies that are looked up together."""

Requests = Callable[[], Iterable[Request]]
"""Gives the same requests, in the same order, as often as it is called: a million of them need not be held."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """A model as an engine serves it: the name that rows carry, where it lies, and what its weights are."""

    engine: Engine
    model: str
    path: str
    revision: str
    adapter: str | None = None
    """Folder of a LoRA adapter."""
    adapter_revision: str | None = None
    key: str
    """Digest of all that; a part of every call's key."""

    @classmethod
    def of(cls, engine: Engine, model: str, path: str, adapter: str | None = None) -> Served:
        """`model` is the name written into rows; `path` is what the engine loads."""
        revision = engine.revision(path)
        adapted = adapter_revision(Path(adapter)) if adapter else None
        return cls(
            engine=engine,
            model=model,
            path=path,
            revision=revision,
            adapter=adapter,
            adapter_revision=adapted,
            key=content_id("served", engine.identity(), model, revision, adapted),
        )

    def call_id(self, request: Request) -> str:
        """Key of the request in the ledger when this model answers it."""
        return call_id_of(self.key, _body(request))

    def call(self, request: Request, reply: Reply, run_id: str | None) -> Call:
        """The row of a request and its reply."""
        body = _body(request)
        status, detail = status_of(request, reply)
        return Call(
            call_id=call_id_of(self.key, body),
            status=status,
            detail=detail,
            purpose=request.purpose,
            subject=request.subject,
            flags=request.flags or None,
            engine=self.engine.name,
            model=self.model,
            model_revision=self.revision,
            adapter=self.adapter_revision,
            template_hash=request.template_hash,
            request=body.decode(),
            raw_text=reply.text,
            finish_reason=reply.finish_reason,
            logprobs=reply.logprobs,
            prompt_tokens=reply.prompt_tokens,
            completion_tokens=reply.completion_tokens,
            latency_ms=reply.latency_ms,
            tries=reply.tries,
            cost_usd=self.engine.cost(reply.prompt_tokens, reply.completion_tokens),
            finished_at=datetime.now(UTC).replace(tzinfo=None),
            run_id=run_id,
        )


def _body(request: Request) -> bytes:
    return orjson.dumps(request.body(), option=orjson.OPT_SORT_KEYS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """What the missing calls will take, by what earlier calls of the same model and purpose took."""

    prompt_tokens: float
    completion_tokens: float
    seconds: float | None
    """None when no earlier call tells."""
    cost: float

    def __str__(self) -> str:
        tokens = f"about {self.prompt_tokens:,.0f} prompt and {self.completion_tokens:,.0f} reply tokens"
        seconds = "" if self.seconds is None else f", {self.seconds:,.0f} s"
        return tokens + seconds + (f", ${self.cost:,.2f}" if self.cost else "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a list of requests costs: `reused` of them are in the ledger, the others are `missing`, each once."""

    served: Served
    requests: Requests
    call_ids: pa.ChunkedArray
    todo: np.ndarray
    """[requests] bool: the first request of every key that the ledger lacks."""
    missing: int
    reused: int
    """Distinct requests that need no call."""
    estimate: Estimate
    snapshot: int

    def asked(self) -> Iterator[Request]:
        """The missing requests, in order."""
        return compress(self.requests(), self.todo)


def plan(lake: Lake, served: Served, requests: Requests) -> Plan:
    """Look every request up in the ledger. Nothing is asked."""
    recover(lake, CALLS)
    snapshot = lake.snapshot()
    call_ids, n_bytes, purpose = _keys(served, requests)
    positions = np.arange(len(call_ids), dtype=np.int32)
    wanted = pa.table({"call_id": call_ids, "position": positions})
    found = lake.ask("missing_calls", wanted=wanted).column("position").to_numpy()
    todo = np.zeros(len(call_ids), dtype=bool)
    todo[found] = True
    distinct = lake.ask("distinct_calls", wanted=wanted).column("n")[0].as_py()
    return Plan(
        served=served,
        requests=requests,
        call_ids=call_ids,
        todo=todo,
        missing=len(found),
        reused=distinct - len(found),
        estimate=_estimate(lake, served, purpose, len(found), float(n_bytes[todo].sum())),
        snapshot=snapshot,
    )


def _keys(served: Served, requests: Requests) -> tuple[pa.ChunkedArray, np.ndarray, str]:
    """Key and prompt length of every request, and the purpose that they share."""
    keys: list[pa.Array] = []
    lengths: list[np.ndarray] = [np.zeros(0, dtype=np.int32)]
    purpose = ""
    stream = iter(requests())
    while chunk := list(islice(stream, CHUNK)):
        keys.append(pa.array([served.call_id(request) for request in chunk], pa.string()))
        lengths.append(np.fromiter((prompt_bytes(request) for request in chunk), np.int32, len(chunk)))
        purpose = chunk[0].purpose
    return pa.chunked_array(keys, pa.string()), np.concatenate(lengths), purpose


def _estimate(lake: Lake, served: Served, purpose: str, missing: int, n_bytes: float) -> Estimate:
    history = lake.ask("call_history", model=served.model, purpose=purpose).to_pylist()[0]
    tokens_per_byte = history["tokens_per_byte"] or 0.25
    completion = history["completion_tokens"] or 64.0
    rate = history["calls_per_s"]
    prompt_tokens, completion_tokens = n_bytes * tokens_per_byte, missing * completion
    return Estimate(
        prompt_tokens=prompt_tokens,
        completion_tokens=completion_tokens,
        seconds=missing / rate if rate else None,
        cost=served.engine.cost(prompt_tokens, completion_tokens),
    )


@dataclass(kw_only=True)
class Tally:
    """How far a stage is: shown while it runs, and what it came to at the end."""

    total: int
    done: int = 0
    tokens: int = 0
    cost: float = 0.0
    statuses: Counter[str] = field(default_factory=Counter)
    """Calls by status, outages included."""
    outages: dict[str, Outage] = field(default_factory=dict)
    """What got no reply, by call id: not stored, so the next run asks again."""
    silence: int = 0
    """Outages since the last reply."""
    stopped: str | None = None
    """The limit that stopped the run before its end."""
    started: float = field(default_factory=time.monotonic)

    def add(self, call: Call) -> None:
        """Count a finished call."""
        self.done += 1
        self.tokens += call.prompt_tokens + call.completion_tokens
        self.cost += call.cost_usd or 0.0
        self.statuses[call.status] += 1

    def miss(self, call_id: str, outage: Outage) -> None:
        """Count a request that got no reply."""
        self.done += 1
        self.outages[call_id] = outage
        self.statuses[outage.kind] += 1

    @property
    def metrics(self) -> dict[str, float]:
        """Rates, cost and failures by kind, for the progress bar."""
        seconds = max(time.monotonic() - self.started, 1e-9)
        shown = {"calls/s": self.done / seconds, "tokens/s": self.tokens / seconds}
        if self.cost:
            shown["$"] = self.cost
        return shown | {status: float(n) for status, n in self.statuses.items() if status != "ok"}


def ask(
    lake: Lake,
    todo: Plan,
    answer: Answer,
    *,
    run_id: str | None,
    budget: Budget,
    watch: Callable[[Tally], None] = lambda _: None,
    commit: Callable[[Journal], object] = Journal.commit,
) -> Tally:
    """Ask for the missing requests. A reply is on disk the moment it is there; `commit` brings batches into the lake.

    Stops cleanly at a limit of the budget. Raises UpstreamError when nothing gets a reply any more.
    """
    served, engine = todo.served, todo.served.engine
    tally = Tally(total=todo.missing)
    stream = todo.asked()
    with journal(lake, CALLS, todo.snapshot) as finished:
        while True:
            before, held = tally.done, list[Request]()
            for request, outcome in answer(budget.allow(stream, engine, held)):
                if isinstance(outcome, Outage):
                    tally.miss(served.call_id(request), outcome)
                    budget.finish(request, engine, 0.0)
                else:
                    call = served.call(request, outcome, run_id)
                    finished.add(call)
                    tally.add(call)
                    budget.finish(request, engine, call.cost_usd or 0.0)
                _refuse_silence(tally, outcome)
                if finished.due:
                    commit(finished)
                watch(tally)
            if not held:
                return tally
            limit = budget.exhausted()
            if limit or tally.done == before:
                tally.stopped = limit or f"max_cost {budget.limits.max_cost:g}"
                return tally
            stream = chain(held, stream)  # what was under way has cost less than it might have


def _refuse_silence(tally: Tally, outcome: Reply | Outage) -> None:
    """Stop a run that gets outages only."""
    if not isinstance(outcome, Outage):
        tally.silence = 0
        return
    tally.silence += 1
    if tally.silence >= MOST_OUTAGES:
        raise UpstreamError(
            f"{tally.silence} requests in a row got no reply ({outcome.detail}); see to the server, "
            "then run the same command: what is finished is kept."
        )


def answers(lake: Lake, done: Plan, tally: Tally) -> Iterator[Answered]:
    """For every request of a plan, in order, what the ledger holds; its status is that of the outage if it has none."""
    for start in range(0, len(done.call_ids), SLICE):  # a sort of all replies would hold all replies
        call_ids = done.call_ids.slice(start, SLICE)
        wanted = pa.table({"call_id": call_ids, "position": np.arange(len(call_ids), dtype=np.int32)})
        for batch in lake.stream("answers", wanted=wanted):
            columns = [batch.column(name).to_pylist() for name in Answered._fields]
            for row in zip(*columns, strict=True):
                found = Answered(*row)
                yield found if found.status else _unanswered(found.call_id, tally)


def _unanswered(call_id: str, tally: Tally) -> Answered:
    kind = tally.outages[call_id].kind if call_id in tally.outages else "upstream_error"
    return Answered(call_id, kind, "", kind, None, 0, None)
