"""A `vllm serve` of our own, for as long as it is needed."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

from schemas.errors import UpstreamError

HOST = "127.0.0.1"
SETTINGS = {"VLLM_NO_USAGE_STATS": "1", "VLLM_CPU_KVCACHE_SPACE": "1"}
"""Environment of the server unless ours says otherwise: on a CPU it would take nearly all memory for its cache."""
START_TIMEOUT_S = 600.0
"""Longest wait for a server's first answer: large models load for minutes."""


@contextmanager
def vllm_server(model: str, arguments: Sequence[str] = ()) -> Iterator[tuple[str]]:
    """Serve `model`, under that name, on a free port of this machine; yields the base URL."""
    port = free_port()
    server = "vllm.entrypoints.openai.api_server"  # what `vllm serve` runs; its own command knows no build but `vllm`
    command = [sys.executable, "-m", server, "--model", model, "--host", HOST, "--port", str(port)]
    with tempfile.TemporaryDirectory(prefix="prefinery-") as folder, (Path(folder) / "serve.log").open("w+b") as log:
        process = subprocess.Popen(
            [*command, *arguments],
            stdout=log,
            stderr=log,
            stdin=subprocess.DEVNULL,
            env=SETTINGS | os.environ,
            start_new_session=True,
        )
        try:
            _await(process, f"http://{HOST}:{port}/health", Path(folder) / "serve.log")
            yield (f"http://{HOST}:{port}/v1",)
        finally:
            stop(process)


def free_port() -> int:
    """A port on which nobody listens."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def stop(process: subprocess.Popen[bytes], wait_s: float = 15.0) -> None:
    """End a process that we started: ask it to stop, wait, then kill it."""
    process.send_signal(signal.SIGINT)
    try:
        process.wait(timeout=wait_s)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _await(server: subprocess.Popen[bytes], url: str, log: Path) -> None:
    start = time.monotonic()
    while not _answers(url):
        if server.poll() is not None or time.monotonic() - start > START_TIMEOUT_S:
            lines = log.read_text(errors="replace").strip().splitlines()
            why = next((line for line in lines if "Error: " in line), "no reason given")
            raise UpstreamError(f"vllm serve did not start: {why}")
        time.sleep(0.5)


def _answers(url: str) -> bool:
    try:
        with urlopen(url, timeout=2) as reply:
            return reply.status == 200
    except (URLError, OSError):
        return False
