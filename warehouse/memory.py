"""How much DuckDB holds in memory, and where it puts the rest."""

from __future__ import annotations

import os
from pathlib import Path
from shutil import disk_usage
from tempfile import gettempdir
from uuid import uuid4

import duckdb

from schemas.errors import ConfigError

VARIABLE = "PREFINERY_MEMORY"
"""Most memory for a warehouse's sorts and joins, such as 8GB."""

SPILLED_SHARE = 0.5
"""Part of the free disk that may be filled with temporary files."""


def most_memory() -> str:
    """2 GB, or what the variable says, or 256 MB a core where that is more: DuckDB's threads share it."""
    return os.environ.get(VARIABLE) or f"{max(2048, 256 * (os.cpu_count() or 1))}MB"


def bound(con: duckdb.DuckDBPyConnection, memory: str) -> None:
    """Let DuckDB hold so much; sorts and joins beyond it go to a temporary folder of this connection.

    DuckDB makes the folder when it needs it, and removes it when it closes. Raises ConfigError when it is no size.
    """
    try:
        con.execute("set memory_limit = $memory", {"memory": memory})
    except duckdb.Error as error:
        raise ConfigError(
            f"{memory} is no size of memory; write a size such as 4GB in --memory or {VARIABLE}."
        ) from error
    place = Path(gettempdir())
    con.execute("set temp_directory = $folder", {"folder": str(place / f"prefinery-{uuid4().hex}")})
    room = f"{int(disk_usage(place).free * SPILLED_SHARE)} bytes"
    con.execute("set max_temp_directory_size = $room", {"room": room})
