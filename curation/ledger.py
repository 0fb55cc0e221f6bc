"""The ledger: answers come from the `calls` table, and the engine is asked only for what is missing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pyarrow as pa

from curation.engines import Complete, Engine
from schemas.calls import CALLS, Call, Request
from warehouse.lake import Lake

SHARD_REQUESTS = 512
"""Requests per engine call and per commit: a kill loses at most this many."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """A model as an engine serves it: the name that rows carry, where it lies, and what its weights are."""

    engine: Engine
    model: str
    path: str
    revision: str

    @classmethod
    def of(cls, engine: Engine, model: str, path: str) -> Served:
        """`model` is the name written into rows; `path` is what the engine loads."""
        return cls(engine=engine, model=model, path=path, revision=engine.revision(path))

    def call_id(self, request: Request) -> str:
        """Key of the request in the ledger when this model answers it."""
        return request.call_id(self.engine.name, self.model, self.revision)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a list of requests costs: `reused` of them are in the ledger, the others are `missing`, each once."""

    served: Served
    call_ids: tuple[str, ...]
    missing: tuple[Request, ...]

    @property
    def reused(self) -> int:
        """Distinct requests that need no call."""
        return len(set(self.call_ids)) - len(self.missing)

    def shards(self) -> Iterator[tuple[Request, ...]]:
        """The missing requests in order. After a kill the remaining shards are cut at the same places."""
        for start in range(0, len(self.missing), SHARD_REQUESTS):
            yield self.missing[start : start + SHARD_REQUESTS]


def plan(lake: Lake, served: Served, requests: Sequence[Request]) -> Plan:
    """Look every request up in the ledger."""
    call_ids = tuple(served.call_id(request) for request in requests)
    wanted = pa.table({"call_id": pa.array(call_ids, pa.string())})
    known = set(lake.ask("known_calls", wanted=wanted).column("call_id").to_pylist())
    missing = {key: request for key, request in zip(call_ids, requests, strict=True) if key not in known}
    return Plan(served=served, call_ids=call_ids, missing=tuple(missing.values()))


def ask(lake: Lake, served: Served, complete: Complete, shard: Sequence[Request], run_id: str) -> None:
    """Ask the engine for a shard and commit its calls at once."""
    replies = complete(shard)
    calls = [
        Call.of(request, reply, engine=served.engine.name, model=served.model, revision=served.revision, run_id=run_id)
        for request, reply in zip(shard, replies, strict=True)
    ]
    lake.append((CALLS, CALLS.rows(calls)))


def answers(lake: Lake, done: Plan) -> list[Call]:
    """The calls of a finished plan, in the order of its requests."""
    wanted = pa.table({"call_id": pa.array(done.call_ids, pa.string())})
    rows = {row["call_id"]: Call(**row) for row in lake.ask("calls_by_id", wanted=wanted).to_pylist()}
    return [rows[call_id] for call_id in done.call_ids]
