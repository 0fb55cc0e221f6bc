"""Storage failures as sentences that say what to do."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import duckdb

from schemas.errors import OutOfMemory, WarehouseError
from warehouse.memory import VARIABLE
from warehouse.place import Place

FULL = ("No space left", "disk is full", "File too large", "Disk quota exceeded")
FAILING = ("disk I/O error",)
FORBIDDEN = ("Permission denied", "permission denied", "readonly database", "Read-only file system")
TAKEN = ("Could not set lock on file", "Unique file handle conflict")
BUSY = ("database is locked",)
ELSEWHERE = ("does not match existing data path",)
POSTGRES_GONE = (
    "connect to Postgres",
    "connection to server",
    "server closed the connection",
    "terminating connection",
)
UNREADABLE = ("Could not", "not a database", "Cannot open", "Unable to open", "creating a new DuckLake")
PARQUET = ".parquet"
OUT_OF_MEMORY = "Out of Memory Error"
STOPPED = "INTERRUPT Error"
UNDECODABLE = ("Invalid unicode",)


@contextmanager
def sentences(place: Place) -> Iterator[None]:
    """Raise WarehouseError for failures that a user can act on; other errors pass."""
    try:
        yield
    except (duckdb.Error, OSError) as error:
        if sentence := _of_memory(place, error):
            raise OutOfMemory(sentence) from error
        if sentence := _sentence(place, error):
            raise WarehouseError(sentence) from error
        raise


def lacks_memory(error: BaseException) -> bool:
    """Whether DuckDB says so; once the first rows of a stream are out, it says so as Arrow's OSError."""
    return isinstance(error, duckdb.OutOfMemoryException) or str(error).startswith(OUT_OF_MEMORY)


def is_stopped(error: BaseException) -> bool:
    """Whether DuckDB names an interrupt.

    Where one thread fails, it stops the others, and now and then names that instead of the fault.
    """
    return str(error).startswith(STOPPED)


def _of_memory(place: Place, error: duckdb.Error | OSError) -> str | None:
    if lacks_memory(error):
        return f"{_first_line(error)}; allow more by {VARIABLE}, such as 8GB, or free some of the disk."
    if is_stopped(error):  # nobody else stops a query of the lake
        return (
            f"DuckDB stopped a query of {place.folder} and does not say why, most often for lack of memory; allow more "
            f"by {VARIABLE}, such as 8GB, or look for damage: prefinery verify NAME@V"
        )
    return None


def _is_damage(error: duckdb.Error | OSError) -> bool:
    """Whether a data file is not what was written: gone, or bytes that DuckDB's reader cannot make sense of."""
    # What the decoder of Parquet's metadata says comes without a kind of its own, and without the file's name.
    return type(error) is duckdb.Error or any(part in str(error) for part in (PARQUET, *UNDECODABLE))


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0].rstrip(".")


def _sentence(place: Place, error: duckdb.Error | OSError) -> str | None:
    text, folder = str(error), place.folder

    def says(parts: tuple[str, ...]) -> bool:
        return any(part in text for part in parts)

    found = None
    if says(FULL):
        found = f"The disk of {folder} is full; free some space and run the command again."
    elif says(FAILING):
        found = f"The disk of {folder} fails or is full; check it, free some space and run the command again."
    elif says(TAKEN):
        found = f"Another process uses {folder}, whose DuckDB catalogue admits one at a time; wait until it ends."
    elif says(BUSY):
        found = f"The catalogue of {folder} was busy for too long; run the command again."
    elif says(ELSEWHERE):
        found = f"The catalogue of {folder} keeps its data elsewhere; give init the same --data as the first time."
    elif place.is_postgres and says(POSTGRES_GONE):
        found = f"The Postgres catalogue of {folder} cannot be reached; check the server, its database and PGPASSWORD."
    elif isinstance(error, PermissionError) or says(FORBIDDEN):
        found = f"{folder} cannot be written; check its permissions."
    elif place.is_s3 and (isinstance(error, duckdb.HTTPException) or says(("HTTP", "connection error"))):
        found = f"{place.data} cannot be used; check the bucket, AWS_ENDPOINT_URL and the keys in the environment."
    elif says(UNREADABLE) and PARQUET not in text:
        found = f"{folder} cannot be opened as a warehouse: {_first_line(error)}."
    elif _is_damage(error):
        found = (
            f"The data of {folder} are damaged ({_first_line(error)}); restore them from a backup. "
            "What is damaged is listed by: prefinery verify NAME@V"
        )
    elif isinstance(error, (duckdb.IOException, OSError)):
        found = f"{folder} cannot be used: {_first_line(error)}."
    return found
