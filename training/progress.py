"""Show how far a run is: a bar with remaining time on a terminal, otherwise a line now and then."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Protocol

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeRemainingColumn,
)
from rich.table import Column
from rich.text import Text

from schemas.calls import STATUSES

LINE_EVERY_S = 10.0
SHOWN = ("loss", "calls/s", "tokens/s", "$", *STATUSES, "accuracy")
"""What is said of a step, in this order: a narrow terminal shows the first of it."""


class Report(Protocol):
    """Called by a run as it goes on."""

    def __call__(self, stage: str, done: int, total: int, metrics: Mapping[str, float] | None = None) -> None: ...


def silent(stage: str, done: int, total: int, metrics: Mapping[str, float] | None = None) -> None:
    """A report that nobody reads."""


def followed(steps: Iterable[dict[str, float]], report: Report) -> list[dict[str, float]]:
    """The metrics of every step of a training run, reported as they come."""
    history: list[dict[str, float]] = []
    for step in steps:
        report("train", int(step["step"]), int(step["total_steps"]), step)
        # Speed differs from run to run, and what is stored must not.
        history.append({name: value for name, value in step.items() if name != "tokens/s"})
    return history


@contextmanager
def shown(bar: bool | None = None) -> Iterator[Report]:
    """A report on standard error: a bar when `bar`, or when it is a terminal; else at most one line per 10 s."""
    console = Console(stderr=True)
    if not (sys.stderr.isatty() if bar is None else bar):
        yield _Lines(console)
        return
    whole = Column(no_wrap=True)
    counts = MofNCompleteColumn(table_column=whole), TimeRemainingColumn(table_column=whole.copy())
    columns = (TextColumn("{task.description}"), BarColumn(10), *counts, _NoteColumn())
    with Progress(*columns, console=console) as drawing:
        yield _Bars(drawing)


class _NoteColumn(ProgressColumn):
    """Figures of the last step; cut where the terminal ends, so that count and time are whole."""

    def render(self, task: Task) -> Text:
        return Text(task.fields["note"], no_wrap=True, overflow="ellipsis")


class _Lines:
    def __init__(self, console: Console) -> None:
        self.console, self.last = console, time.monotonic()
        self.starts: dict[str, float] = {}

    def __call__(self, stage: str, done: int, total: int, metrics: Mapping[str, float] | None = None) -> None:
        now = time.monotonic()
        start = self.starts.setdefault(stage, now)
        if now - self.last >= LINE_EVERY_S:
            self.last = now
            left = f"{(now - start) / done * (total - done):.0f} s left" if done else ""
            self.console.print(
                f"{stage} {done}/{total}  {left}  {_note(metrics)}".rstrip(), highlight=False, soft_wrap=True
            )


class _Bars:
    def __init__(self, drawing: Progress) -> None:
        self.drawing = drawing
        self.tasks: dict[str, object] = {}

    def __call__(self, stage: str, done: int, total: int, metrics: Mapping[str, float] | None = None) -> None:
        if stage not in self.tasks:
            self.tasks[stage] = self.drawing.add_task(stage, total=total, note="")
        self.drawing.update(self.tasks[stage], completed=done, total=total, note=_note(metrics))  # pyright: ignore[reportArgumentType]


def _note(metrics: Mapping[str, float] | None) -> str:
    return "  ".join(f"{name} {_figure(metrics[name])}" for name in SHOWN if metrics and name in metrics)


def _figure(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 or value.is_integer() else f"{value:.3f}"
