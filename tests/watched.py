"""Sees from outside what a query touches: a folder where any opening is noticed, and a port where any caller is."""

import ctypes
import os
import socket
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path

IN_ANYTHING = 0x00000FFF
NOT_BLOCKING = 0o4000


@dataclass
class Watched:
    """A folder with a CSV, a Parquet and an SQLite file to steal, and the URL of a server that nobody may call."""

    folder: Path
    url: str
    _events: int
    _port: socket.socket

    @property
    def port(self) -> int:
        """Where anybody who calls is noticed."""
        return self._port.getsockname()[1]

    def touched(self) -> bool:
        """Whether anything was opened, made, or called since the last question."""
        try:
            return bool(os.read(self._events, 65536))
        except BlockingIOError:
            pass
        try:
            self._port.accept()[0].close()
        except BlockingIOError:
            return False
        return True


@contextmanager
def watched(folder: Path) -> Iterator[Watched]:
    folder.mkdir()
    for name in ("x.csv", "x.parquet", "x.duckdb", "x.json"):
        (folder / name).write_bytes(b"canary\n1\n")
    with closing(sqlite3.connect(folder / "x.sqlite")) as database:
        database.execute("create table t as select 1 as canary")
    libc = ctypes.CDLL(None)
    events = libc.inotify_init1(NOT_BLOCKING)
    assert libc.inotify_add_watch(events, str(folder).encode(), IN_ANYTHING) >= 0
    with socket.create_server(("127.0.0.1", 0)) as port:
        port.setblocking(False)
        try:
            yield Watched(folder, f"http://127.0.0.1:{port.getsockname()[1]}", events, port)
        finally:
            os.close(events)


def contents(folder: Path) -> dict[str, str]:
    """Digest of every file, without the memory that SQLite's readers share."""
    return {
        str(path.relative_to(folder)): blake2b(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.suffix != ".sqlite-shm"
    }
