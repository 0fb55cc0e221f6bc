"""N chat calls by C workers in one event loop: what the calls cost without a pipeline around them."""

import argparse
import asyncio
import json
import sys
import time
from collections.abc import Iterator

from aiohttp import ClientSession, TCPConnector


async def work(session: ClientSession, numbers: Iterator[int]) -> None:
    for number in numbers:
        body = {"model": "stub", "messages": [{"role": "user", "content": f"Question {number}"}]}
        async with session.post("chat/completions", json=body, headers={"Authorization": "Bearer x"}) as reply:
            reply.raise_for_status()
            assert (await reply.json())["choices"][0]["message"]["content"]


async def measure(base_url: str, calls: int, concurrency: int) -> float:
    started = time.perf_counter()
    numbers = iter(range(calls))
    async with (
        ClientSession(f"{base_url.rstrip('/')}/", connector=TCPConnector(limit=concurrency)) as session,
        asyncio.TaskGroup() as workers,
    ):
        for _ in range(concurrency):
            workers.create_task(work(session, numbers))
    return time.perf_counter() - started


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("base_url")
    parser.add_argument("--calls", type=int, default=2000)
    parser.add_argument("--concurrency", type=int, default=64)
    settings = parser.parse_args()
    seconds = asyncio.run(measure(settings.base_url, settings.calls, settings.concurrency))
    sys.stdout.write(json.dumps({"peer": "aiohttp", "calls": settings.calls, "seconds": seconds}) + "\n")
