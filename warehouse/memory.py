"""How much DuckDB holds in memory, and where it puts the rest."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from shutil import disk_usage
from tempfile import gettempdir
from typing import TypeVar
from uuid import uuid4

import duckdb

from schemas.errors import ConfigError, OutOfMemory
from warehouse.queries import literal

T = TypeVar("T")

VARIABLE = "PREFINERY_MEMORY"
"""Most memory for DuckDB in every command, such as 8GB; four fifths of the machine's if absent."""

SPILLED_SHARE = 0.5
"""Part of the free disk that may be filled with temporary files."""


def spill(con: duckdb.DuckDBPyConnection) -> None:
    """Put what does not fit into a temporary folder of this connection.

    DuckDB makes the folder when it needs it, and removes it when it closes.
    """
    place = Path(gettempdir())
    # No parameters: for the first one DuckDB loads pandas, which takes longer than all the rest.
    con.execute(f"set temp_directory = {literal(str(place / f'prefinery-{uuid4().hex}'))}")
    con.execute(f"set max_temp_directory_size = '{int(disk_usage(place).free * SPILLED_SHARE)} bytes'")


def allowed(otherwise: str | None = None) -> str | None:
    """What the variable says."""
    return os.environ.get(VARIABLE) or otherwise


def bound(con: duckdb.DuckDBPyConnection, memory: str | None) -> None:
    """Let DuckDB hold so much; where it is None nothing changes. Raises ConfigError when it is no size."""
    if memory is None:
        return
    try:
        con.execute("set memory_limit = $memory", {"memory": memory})
    except duckdb.Error as error:
        sizes = f"write a size such as 4GB in --memory or {VARIABLE}"
        raise ConfigError(f"{memory} is no size of memory; {sizes}.") from error


def little() -> str:
    """For work that is as fast when it is spilled: 2 GB, or 256 MB a core where that is more."""
    return allowed() or f"{max(2048, 256 * (os.cpu_count() or 1))}MiB"


@contextmanager
def held(con: duckdb.DuckDBPyConnection, memory: str) -> Iterator[None]:
    """`bound` for a while."""
    before = con.execute("select current_setting('memory_limit')").fetchone()
    bound(con, memory)
    try:
        yield
    finally:
        # `reset` would change what the setting says, and not what DuckDB holds to.
        bound(con, before[0] if before else None)


def thrifty(con: duckdb.DuckDBPyConnection, work: Callable[[], T]) -> T:
    """Work in `little` memory; where that does not suffice, the same once more in all that there is."""
    try:
        with held(con, little()):
            return work()
    except OutOfMemory:
        if allowed():
            raise
    return work()
