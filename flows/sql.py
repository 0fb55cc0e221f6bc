"""Answer queries: one from the command line or a pipe, printed or written to a file."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TypeVar

import pyarrow as pa

from flows.tables import check_format, show, write
from schemas.errors import ConfigError
from warehouse.readonly import Answer, Reader

TABLE_ROWS = 100_000
"""Rows of a table for people, unless --limit says otherwise."""
STOP_S = 0.1
"""Time between two attempts to stop a query."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What is wanted of an answer: its form, where it goes, and how long it may get."""

    output: str = "table"
    out: Path | None = None
    limit: int | None = None
    timeout_s: float


def piped() -> str:
    """The query on standard input; bytes that are no UTF-8 are left for the reader to refuse."""
    return sys.stdin.buffer.read().decode(errors="surrogateescape")


def answer(reader: Reader, sql: str, wish: Wish) -> None:
    """Print the answer of one query, or write it to a file."""
    check_format(wish.output)
    if wish.output == "table":
        if wish.out:
            raise ConfigError("-o writes files for programs; add --format csv, json or parquet.")
        show(first_rows(reader, sql, wish), "table")
    elif wish.output == "parquet" and not wish.out and sys.stdout.isatty():
        raise ConfigError("Parquet is no text for a terminal; add -o FILE.")
    else:
        stoppable(reader, lambda: _stream(reader, sql, wish))


def _stream(reader: Reader, sql: str, wish: Wish) -> None:
    with reader.ask(sql, wish.timeout_s) as found, _opened(wish.out) as file:
        write(found.schema, up_to(found.batches, wish.limit), wish.output, file)


def first_rows(reader: Reader, sql: str, wish: Wish) -> pa.Table:
    """The rows that a table for people shows; says so when they are not all."""
    limit = TABLE_ROWS if wish.limit is None else wish.limit

    def read() -> pa.Table:
        with reader.ask(sql, wish.timeout_s) as found:
            # One row more says whether there are more.
            return Answer(found.schema, up_to(found.batches, limit + 1)).rows().arrow

    rows = stoppable(reader, read)
    if rows.num_rows > limit:
        sys.stderr.write(f"Only the first {limit:,} rows are shown; raise --limit, or write them all: --format csv.\n")
    return rows.slice(0, limit)


def up_to(batches: Iterator[pa.RecordBatch], limit: int | None) -> Iterator[pa.RecordBatch]:
    """The first `limit` rows; all when None."""
    for batch in batches:
        if limit is not None and batch.num_rows >= limit:
            yield batch.slice(0, limit)
            return
        yield batch
        limit = None if limit is None else limit - batch.num_rows


def stoppable(reader: Reader, work: Callable[[], T]) -> T:
    """Do `work` with the reader in a thread, so that Ctrl-C reaches us and stops the query."""
    with ThreadPoolExecutor(1) as pool:
        done = pool.submit(work)
        pause = None
        while not done.done():
            try:
                wait([done], pause)
            except KeyboardInterrupt:
                pause = STOP_S
            if pause:
                reader.interrupt()  # again and again: between two statements there is nothing to interrupt
    return done.result()


@contextmanager
def _opened(out: Path | None) -> Iterator[IO[bytes]]:
    """Standard output, or a file that is there whole or not at all."""
    if out is None:
        yield sys.stdout.buffer
        return
    draft = out.with_name(f".{out.name}.part")
    try:
        with draft.open("wb") as file:
            yield file
        draft.replace(out)
    except OSError as error:
        raise ConfigError(f"{out} cannot be written: {error.strerror or error}.") from error
    finally:
        draft.unlink(missing_ok=True)
