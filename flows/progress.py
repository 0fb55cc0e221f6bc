"""Progress on long work: a bar with the remaining time on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

LINE_EVERY_S = 10.0
"""Pause between two lines where there is no terminal."""

Advance = Callable[[int], None]
"""Tells the bar that so many more are done."""


@contextmanager
def progress(what: str, total: int) -> Iterator[Advance]:
    """A progress display on standard error for `total` steps of work."""
    if sys.stderr.isatty():
        with Progress(
            TextColumn("{task.description:<28}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            console=Console(stderr=True),
        ) as bars:
            task = bars.add_task(what, total=total)
            yield lambda steps: bars.advance(task, steps)
    else:
        yield _lines(what, total)


def _lines(what: str, total: int) -> Advance:
    """Writes `what done/total, time left` at most every LINE_EVERY_S."""
    start = last = time.monotonic()
    done = 0

    def advance(steps: int) -> None:
        nonlocal done, last
        done += steps
        now = time.monotonic()
        if now - last >= LINE_EVERY_S and done:
            last = now
            left = (now - start) / done * (total - done)
            sys.stderr.write(f"{what}: {done:,}/{total:,}, {left:.0f} s left\n")

    return advance
