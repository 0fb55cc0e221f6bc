"""The Prefect server: the one in PREFECT_API_URL, the one that serves this warehouse, or a new one on 127.0.0.1."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

from curation.local_server import HOST, free_port, stop
from schemas.errors import UpstreamError

START_TIMEOUT_S = 120.0
"""Longest wait for a new server's first answer."""

EXPECTED_START_S = 10
"""Scale of the waiting bar."""


def quiet_prefect() -> None:
    """Settings of our processes, read when Prefect is first imported: no telemetry, warnings only, patience."""
    os.environ.setdefault("PREFECT_SERVER_ANALYTICS_ENABLED", "false")
    os.environ.setdefault("PREFECT_LOGGING_LEVEL", "WARNING")
    os.environ.setdefault("PREFECT_LOGGING_ROOT_LEVEL", "WARNING")
    os.environ.setdefault("DO_NOT_TRACK", "1")
    # Of its temporary server; its own 20 s do not suffice where all cores are busy.
    os.environ.setdefault("PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS", str(round(START_TIMEOUT_S)))


def use_server_of(warehouse: Path) -> None:
    """Point this process at the server that `prefinery serve` runs for the warehouse, if one answers.

    PREFECT_API_URL goes first. Without either, Prefect starts a temporary server inside the process.
    """
    quiet_prefect()
    note = _note(warehouse)
    if "PREFECT_API_URL" in os.environ or not note.is_file():
        return
    try:
        url = str(json.loads(note.read_text(encoding="utf-8"))["api"])
    except (ValueError, KeyError):
        return
    if _answers(url):
        os.environ["PREFECT_API_URL"] = url


@contextmanager
def prefect_server(warehouse: Path) -> Iterator[str]:
    """A Prefect server for the warehouse; yields its address and sets PREFECT_API_URL to it.

    A server that already answers (PREFECT_API_URL, or another `prefinery serve`) is used and left running.
    """
    use_server_of(warehouse)
    if url := os.environ.get("PREFECT_API_URL"):
        if not _answers(url):
            raise UpstreamError(f"No Prefect server answers at {url}; start it, or unset PREFECT_API_URL.")
        yield url
        return
    port = free_port()
    url = f"http://{HOST}:{port}/api"
    home = warehouse / "prefect"
    home.mkdir(parents=True, exist_ok=True)
    with (home / "server.log").open("ab") as log:
        server = subprocess.Popen(
            [sys.executable, "-m", "prefect", "server", "start", "--host", HOST, "--port", str(port)],
            env=os.environ | {"PREFECT_HOME": str(home.resolve()), "PREFECT_API_URL": url},
            stdout=log,
            stderr=log,
            stdin=subprocess.DEVNULL,
        )
    try:
        _await(server, url, home / "server.log")
        _note(warehouse).write_text(json.dumps({"api": url}), encoding="utf-8")
        with _using(url):
            yield url
    finally:
        _note(warehouse).unlink(missing_ok=True)
        stop(server)


@contextmanager
def _using(url: str) -> Iterator[None]:
    """Point this process, which may have imported Prefect already, and its children at a server."""
    from prefect.settings import PREFECT_API_URL, temporary_settings

    os.environ["PREFECT_API_URL"] = url
    try:
        with temporary_settings({PREFECT_API_URL: url}):
            yield
    finally:
        del os.environ["PREFECT_API_URL"]


def _note(warehouse: Path) -> Path:
    return warehouse / "prefect.json"


def _answers(url: str) -> bool:
    try:
        with urlopen(f"{url}/health", timeout=2) as reply:
            return reply.status == 200
    except (URLError, OSError, ValueError):
        return False


def _await(server: subprocess.Popen[bytes], url: str, log: Path) -> None:
    from training.progress import shown

    start = time.monotonic()
    with shown() as report:
        while not _answers(url):
            waited = time.monotonic() - start
            if server.poll() is not None or waited > START_TIMEOUT_S:
                raise UpstreamError(f"The Prefect server did not start; its log is {log}.")
            report("start the Prefect server", min(int(waited), EXPECTED_START_S - 1), EXPECTED_START_S)
            time.sleep(0.2)
