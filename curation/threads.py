"""Run asyncio work beside the caller, who reads its results as an ordinary iterator."""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from typing import TypeVar

T = TypeVar("T")

LOOK_S = 0.001
MOST_LOOK_S = 0.032
"""Between two looks at whether a result is taken: at first, and while the reader is busy for long."""

Put = Callable[[T], Awaitable[None]]
"""Hands a result to the reader and waits until it is done with it: a process that dies loses only what is under way."""


def beside(work: Callable[[Put[T]], Awaitable[None]]) -> Iterator[T]:
    """What `work` puts, from an event loop in another thread. Leaving early cancels it; errors come through.

    The reader is done with a result when it asks for the next one.
    """
    results: queue.SimpleQueue[T | _End] = queue.SimpleQueue()
    loop = asyncio.new_event_loop()
    sent = done = 0

    async def put(result: T) -> None:
        nonlocal sent
        sent += 1
        number, pause = sent, LOOK_S
        results.put(result)
        while done < number:
            await asyncio.sleep(pause)
            pause = min(2 * pause, MOST_LOOK_S)

    async def whole() -> None:
        await work(put)

    def run() -> None:
        loop.run_until_complete(asyncio.wait([task]))
        loop.close()
        results.put(_End(None if task.cancelled() else task.exception()))

    task = loop.create_task(whole())
    thread = threading.Thread(target=run, name="requests", daemon=True)
    thread.start()
    try:
        while not isinstance(result := results.get(), _End):
            yield result
            done += 1
        if result.error:
            raise result.error
    finally:
        with suppress(RuntimeError):  # the loop has ended by itself
            loop.call_soon_threadsafe(task.cancel)
        thread.join()


class _End:
    def __init__(self, error: BaseException | None) -> None:
        self.error = error
