"""What a run may cost: it stops cleanly at a limit, and the same command goes on from there."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field

from pydantic import Field

from curation.engines import Engine
from schemas.base import Strict
from schemas.calls import Request


class Limits(Strict):
    """Where a run stops. Calls that are under way are finished and kept."""

    max_calls: int | None = Field(default=None, ge=0)
    """Calls that the run may make; 0 prints the plan and stops."""
    max_cost: float | None = Field(default=None, ge=0)
    """US dollars that its calls may cost. What is under way is reckoned at its longest reply, so it is never passed."""
    max_minutes: float | None = Field(default=None, ge=0)
    """Minutes after which no further call is begun."""


@dataclass(kw_only=True)
class Budget:
    """What a run has used of its limits."""

    limits: Limits
    calls: int = 0
    """Calls begun."""
    cost: float = 0.0
    """US dollars of the calls that are finished."""
    reserved: float = 0.0
    """US dollars that the calls under way may cost at most."""
    started: float = field(default_factory=time.monotonic)

    def exhausted(self) -> str | None:
        """The limit that forbids another call, as the user wrote it; None when there is none."""
        limits = self.limits
        if limits.max_calls is not None and self.calls >= limits.max_calls:
            return f"max_calls {limits.max_calls}"
        if limits.max_minutes is not None and time.monotonic() - self.started >= limits.max_minutes * 60:
            return f"max_minutes {limits.max_minutes:g}"
        if limits.max_cost is not None and self.cost >= limits.max_cost > 0:
            return f"max_cost {limits.max_cost:g}"
        return None

    def allow(self, requests: Iterator[Request], engine: Engine, held: list[Request]) -> Iterator[Request]:
        """The requests up to a limit; the first that finds no room is put into `held`."""
        for request in requests:
            most = most_cost(engine, request)
            room = self.limits.max_cost is None or self.cost + self.reserved + most <= self.limits.max_cost
            if self.exhausted() or not room:
                held.append(request)
                return
            self.calls += 1
            self.reserved += most
            yield request

    def finish(self, request: Request, engine: Engine, cost: float) -> None:
        """A call that was under way is finished and cost so many US dollars."""
        self.reserved -= most_cost(engine, request)
        self.cost += cost


def most_cost(engine: Engine, request: Request) -> float:
    """US dollars of the longest reply. A token of a prompt is reckoned as two bytes, which is short."""
    if not (engine.prompt_usd or engine.completion_usd):
        return 0.0
    return engine.cost(prompt_bytes(request) / 2, request.sampling.max_tokens)


def prompt_bytes(request: Request) -> int:
    """Length of the messages, in UTF-8."""
    return sum(len(message["content"].encode()) for message in request.messages)
