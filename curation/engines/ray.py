"""A Ray cluster: shards of the requests go to actors that each hold a started engine."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from itertools import islice
from math import ceil
from typing import Any

from pydantic import Field, field_validator

from curation.engines import ENGINES, Answer, Engine
from schemas.calls import Outage, Reply, Request
from schemas.errors import ConfigError, PrefineryError, UpstreamError

RETRIES = 2
"""Times that a shard is asked again whose worker died under it."""
RESTARTS = 32
"""Times that Ray restarts a worker; one that dies more often is given up."""
IN_HAND = 2
"""Shards that a worker has at most: one that it serves, and one that waits."""
STORE_BYTES = 256 << 20
"""Memory of a local object store: requests and replies are short texts."""
QUIET = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0"}
"""Nothing is reported to anybody; a worker that claims no GPU still sees those of its machine."""
LOCAL = QUIET | {"RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0"}
"""The last keeps all of Ray's ports on 127.0.0.1, on Linux too."""


class Ray(Engine):
    """Many copies of another engine, on one machine or on a cluster."""

    name = "ray"

    engine: dict[str, Any] = Field(default={"name": "vllm"})
    """Spec of the engine that every worker holds."""
    workers: int = Field(default=2, ge=1)
    """Engines that serve at once."""
    address: str | None = None
    """A cluster to join: `auto`, or `ray://host:10001`. Ray is started on this machine when absent."""
    cpus_per_worker: float = Field(default=1, ge=0)
    """CPU cores that Ray sets aside for a worker."""
    gpus_per_worker: float = Field(default=0, ge=0)
    """GPUs that Ray sets aside for a worker; a fraction shares one."""
    shard_requests: int = Field(default=256, ge=1)
    """Requests handed to a worker at once: a worker that dies loses at most two shards' work."""

    @field_validator("engine")
    @classmethod
    def _is_another(cls, spec: dict[str, Any]) -> dict[str, Any]:
        if isinstance(ENGINES.build(spec), cls):
            raise ConfigError("ray: its workers must hold another engine, such as vllm.")
        return spec

    def identity(self) -> dict[str, Any]:
        """That of the inner engine: the same answers, whether one machine or eight made them."""
        return ENGINES.build(self.engine).identity()

    @contextmanager
    def start(self, model: str, adapter: str | None = None) -> Iterator[Answer]:
        self.revision(model)
        for name, value in (QUIET if self.address else LOCAL).items():
            os.environ.setdefault(name, value)
        try:
            import ray
        except ImportError as error:
            raise UpstreamError("Ray is not installed; `pip install ray` to serve over a cluster.") from error
        with ExitStack() as stack:
            if not ray.is_initialized():
                stack.callback(ray.shutdown)
                self._join(ray)
            options: dict[str, Any] = {"num_cpus": self.cpus_per_worker, "num_gpus": self.gpus_per_worker}
            held: Any = ray.remote(max_restarts=RESTARTS, max_task_retries=RETRIES, **options)(Worker)
            workers = [held.remote(self.engine, model, adapter) for _ in range(self.workers)]
            for worker in workers:
                stack.callback(ray.kill, worker)
            _all_ready(ray, workers)
            yield lambda requests: _answer(ray, workers, _shards(requests, self.shard_requests))

    def _join(self, ray: Any) -> None:
        settings: dict[str, Any] = {"address": self.address}
        if self.address is None:
            # Ray has read LOCAL if nothing imported it before us; vLLM does.
            ray._private.ray_constants.ENABLE_RAY_CLUSTER = False
            settings = {
                "address": "local",
                "num_cpus": max(1, ceil(self.workers * self.cpus_per_worker)),
                "object_store_memory": STORE_BYTES,
                "include_dashboard": False,
            }
        try:
            ray.init(**settings, logging_level="ERROR", log_to_driver=False)
        except (ConnectionError, ValueError, RuntimeError) as error:
            raise UpstreamError(f"Ray does not start: {str(error).splitlines()[0]}") from error
        wanted, there = self.workers * self.gpus_per_worker, ray.cluster_resources().get("GPU", 0)
        if self.address is None and wanted > there:
            raise ConfigError(f"ray: the workers want {wanted:g} GPUs and {there:g} are here; lower `gpus_per_worker`.")


class Worker:
    """Holds a started engine in a process of its own. One that Ray restarts loads it again with its next shard."""

    def __init__(self, spec: dict[str, Any], model: str, adapter: str | None) -> None:
        # Never left: the engine lives as long as the process, which Ray ends.
        self.serving = ENGINES.build(spec).start(model, adapter)
        self.answer: Answer | None = None

    def start(self) -> None:
        """Load the engine."""
        self._started()

    def ask(self, shard: list[Request]) -> list[tuple[int, Reply | Outage]]:
        """Replies with their requests' places in the shard, in the order in which they finish."""
        places: dict[int, list[int]] = {}
        for place, request in enumerate(shard):
            places.setdefault(id(request), []).append(place)
        return [(places[id(request)].pop(), reply) for request, reply in self._started()(shard)]

    def _started(self) -> Answer:
        if self.answer is None:
            self.answer = self.serving.__enter__()
        return self.answer


def _all_ready(ray: Any, workers: list[Any]) -> None:
    """Wait until every worker holds its engine. Raises what an engine raised, or UpstreamError."""
    try:
        ray.get([worker.start.remote() for worker in workers])
    except ray.exceptions.RayTaskError as error:
        raise _cause(error) from error
    except ray.exceptions.RayError as error:
        raise UpstreamError(f"A Ray worker died while it loaded the model: {str(error).splitlines()[0]}") from error


def _shards(requests: Iterable[Request], size: int) -> Iterator[list[Request]]:
    stream = iter(requests)
    while shard := list(islice(stream, size)):
        yield shard


def _answer(ray: Any, workers: list[Any], shards: Iterator[list[Request]]) -> Iterator[tuple[Request, Reply | Outage]]:
    """Hand a shard to whoever has least to do, and draw the next one when a worker has room for it.

    Ray's ActorPool does nearly that, but does not say which shard was lost and who is dead.
    """
    in_hand = dict.fromkeys(workers, 0)
    asked: dict[Any, tuple[Any, list[Request]]] = {}
    orphans: list[list[Request]] = []
    while True:
        while min(in_hand.values()) < IN_HAND and (shard := orphans.pop() if orphans else next(shards, None)):
            worker = min(in_hand, key=in_hand.__getitem__)
            in_hand[worker] += 1
            asked[worker.ask.remote(shard)] = worker, shard
        if not asked:
            return
        (done, *_), _ = ray.wait(list(asked))
        worker, shard = asked.pop(done)
        try:
            found = _found(ray, done, shard)
        except ray.exceptions.ActorDiedError as error:
            in_hand.pop(worker, None)
            orphans.append(shard)
            if not in_hand:
                raise UpstreamError("Every Ray worker is dead; see the logs in /tmp/ray, then run again.") from error
            continue
        if worker in in_hand:
            in_hand[worker] -= 1
        yield from found


def _found(ray: Any, done: Any, shard: list[Request]) -> list[tuple[Request, Reply | Outage]]:
    """What came of a shard. Raises ActorDiedError when its worker is gone for good."""
    try:
        return [(shard[place], reply) for place, reply in ray.get(done)]
    except ray.exceptions.RayTaskError as error:
        raise _cause(error) from error
    except ray.exceptions.ActorDiedError:
        raise
    except ray.exceptions.RayError as error:
        detail = f"The Ray worker died under the shard: {str(error).splitlines()[0]}"
        return [(request, Outage(kind="upstream_error", detail=detail, tries=RETRIES + 1)) for request in shard]


def _cause(error: Any) -> Exception:
    """What the engine raised; Ray wraps it in the worker's traceback."""
    return error.cause if isinstance(error.cause, PrefineryError) else error
