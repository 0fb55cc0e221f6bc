"""Run asyncio work beside the caller, who reads its results as an ordinary iterator."""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from typing import TypeVar

T = TypeVar("T")

AHEAD = 4096
"""Results that may wait to be read."""

Put = Callable[[T], Awaitable[None]]
"""Hands a result to the reader; waits while too many are unread."""


def beside(work: Callable[[Put[T]], Awaitable[None]]) -> Iterator[T]:
    """What `work` puts, from an event loop in another thread. Leaving early cancels it; errors come through."""
    results: queue.SimpleQueue[T | _End] = queue.SimpleQueue()
    loop = asyncio.new_event_loop()

    async def put(result: T) -> None:
        results.put(result)
        while results.qsize() > AHEAD:
            await asyncio.sleep(0.01)

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
        if result.error:
            raise result.error
    finally:
        with suppress(RuntimeError):  # the loop has ended by itself
            loop.call_soon_threadsafe(task.cancel)
        thread.join()


class _End:
    def __init__(self, error: BaseException | None) -> None:
        self.error = error
