"""Work beside its reader: in order, never ahead of it, and ended with it."""

from __future__ import annotations

import asyncio
import threading
import time

import pytest

from curation.threads import Put, beside


async def three(put: Put[int], workers: int = 3, each: int = 4) -> None:
    async def work(start: int) -> None:
        for number in range(each):
            await put(start + number)

    async with asyncio.TaskGroup() as group:
        for worker in range(workers):
            group.create_task(work(worker * each))


def test_everything_arrives_once() -> None:
    assert sorted(beside(three)) == list(range(12))


def test_nobody_goes_on_before_the_reader_is_done_with_a_result() -> None:
    begun = []

    async def work(put: Put[int]) -> None:
        for number in range(5):
            begun.append(number)
            await put(number)

    for number in beside(work):
        time.sleep(0.05)
        assert begun == list(range(number + 1))


def test_an_error_comes_through_and_leaving_early_ends_the_work() -> None:
    async def fails(put: Put[int]) -> None:
        await put(1)
        raise ValueError("no more")

    with pytest.raises(ValueError, match="no more"):
        list(beside(fails))
    for _ in beside(three):
        break
    assert not [thread for thread in threading.enumerate() if thread.name == "requests"]
