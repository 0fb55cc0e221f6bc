"""A run: its books, and how it gets answers from models within its limits."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial
from uuid import uuid4

from prefect import task
from prefect.cache_policies import NO_CACHE

from curation.asking import Question
from curation.budget import Budget
from curation.ledger import Plan, Requests, Served, Tally, answers, ask, plan
from flows.models import located
from flows.recipe import Recipe
from schemas.calls import Answered, Request
from schemas.errors import LimitReached
from schemas.funnel import Funnel
from schemas.ids import canonical
from schemas.runs import RUNS, StageRun
from training.progress import shown
from warehouse.journal import Journal
from warehouse.lake import Lake

Asked = Callable[[], Iterable[Question]]
"""Gives the same questions as often as it is called: a million need not be held."""

Answering = Callable[[Requests], Iterator[Answered]]
"""What requests got, in their order."""


@dataclass(kw_only=True)
class Run:
    """One run of a recipe: its books."""

    lake: Lake
    recipe: Recipe
    run_id: str = field(default_factory=lambda: uuid4().hex)
    funnels: list[Funnel] = field(default_factory=list)
    budget: Budget = field(init=False)
    made: int = 0
    reused: int = 0
    call_ids: list[str] = field(default_factory=list)
    """Calls that answer this run's judges, old and new; acts of rules; imported acts of rating that count."""
    started: float = field(default_factory=time.monotonic)

    def __post_init__(self) -> None:
        self.budget = Budget(limits=self.recipe.limits)

    def finish(self, funnel: Funnel) -> None:
        """Write the stage that `funnel` describes into `runs`, and begin the next."""
        now = time.monotonic()
        row = StageRun.of(
            self.run_id,
            funnel,
            recipe=canonical(self.recipe.model_dump(mode="json")),
            seconds=now - self.started,
            calls_made=self.made,
            calls_reused=self.reused,
        )
        self.lake.append((RUNS, RUNS.rows([row])))
        self.funnels.append(funnel)
        self.made = self.reused = 0
        self.started = now


def served(run: Run, model: str, path: str | None = None) -> Served:
    """A model behind the recipe's engine for it; `path` says where it lies when its name does not."""
    base, _, adapter = (path or model).partition("+")
    return Served.of(run.recipe.engine_of(model), model, path or located(run.lake, base), adapter or None)


def answer(run: Run, served: Served, what: str, requests: Requests) -> Iterator[Answered]:
    """What the requests got, in their order: from the ledger, and from the engine for those that are missing.

    Raises LimitReached when the run may not make all the calls; those it made are kept.
    """
    todo = plan(run.lake, served, requests)
    tally = Tally(total=todo.missing)
    if todo.missing:
        sys.stderr.write(f"{what}: {todo.reused:,} calls in the ledger, {todo.missing:,} to make, {todo.estimate}\n")
        with shown() as report:
            tally = _ask_missing(run, todo, partial(report, what))
    return settled(run, todo, tally, what)


def settled(run: Run, todo: Plan, tally: Tally, what: str) -> Iterator[Answered]:
    """What a plan's requests got, once the engine was asked; the calls are counted. Raises LimitReached."""
    run.made += sum(tally.statuses.values())
    run.reused += todo.reused
    if tally.stopped:
        left = todo.missing - tally.done
        raise LimitReached(f"Stopped at {tally.stopped}: {left:,} calls of {what!r} are left; run it again to go on.")
    return answers(run.lake, todo, tally)


def replies(asked: Asked, unread: list[Question], answering: Answering) -> Iterator[tuple[Question, Answered]]:
    """Every question with what it got and, after all of them, whatever the reader has put into `unread` meanwhile."""
    while True:
        yield from zip(asked(), answering(partial(_requests, asked)), strict=True)
        if not unread:
            return
        asked = partial(iter, unread.copy())
        unread.clear()


def _requests(asked: Asked) -> Iterator[Request]:
    return (question.request for question in asked())


def _ask_missing(run: Run, todo: Plan, report: Callable[..., None]) -> Tally:
    if stopped := run.budget.exhausted():
        return Tally(total=todo.missing, stopped=stopped)
    report(0, todo.missing)  # before the engine starts, which takes some seconds too
    with todo.served.engine.start(todo.served.path, todo.served.adapter) as reply:
        return ask(
            run.lake,
            todo,
            reply,
            run_id=run.run_id,
            budget=run.budget,
            watch=lambda tally: report(tally.done, tally.total, tally.metrics),
            commit=commit_calls,
        )


@task(name="commit calls", cache_policy=NO_CACHE, persist_result=False, retries=3, retry_delay_seconds=[2, 5, 10])
def commit_calls(finished: Journal) -> int:
    """Some thousand finished calls and one commit: the unit that Prefect sees, retries and times."""
    return finished.commit()
