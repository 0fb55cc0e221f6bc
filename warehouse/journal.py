"""A journal of finished rows: on disk the moment they are finished, in the lake a batch at a time.

A commit to the lake costs tens of milliseconds, so rows are committed in batches; a line in a file costs microseconds,
so no finished row is lost in between, however the process dies. The next run finds the file and commits its rows.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

import orjson
import pyarrow as pa

from schemas.table import Table
from warehouse.lake import Lake
from warehouse.sentences import sentences

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

COMMIT_ROWS = 4096
COMMIT_S = 5.0
"""A batch is due with so many rows, or so long after the last one."""


@dataclass(kw_only=True)
class Journal:
    """Rows of one table on their way into the lake. `since` is a snapshot that lacks all their keys."""

    lake: Lake
    table: Table
    since: int
    _file: int
    _pending: list[DataclassInstance] = field(default_factory=list)
    _committed_at: float = field(default_factory=time.monotonic)

    def add(self, record: DataclassInstance) -> None:
        """Write a finished row to disk. It is in the lake after the next `commit`."""
        line = memoryview(orjson.dumps(record, option=orjson.OPT_APPEND_NEWLINE))
        with sentences(self.lake.place):
            while line:
                line = line[os.write(self._file, line) :]
        self._pending.append(record)

    @property
    def due(self) -> bool:
        """Whether it is time to commit."""
        n = len(self._pending)
        return n >= COMMIT_ROWS or (n > 0 and time.monotonic() - self._committed_at > COMMIT_S)

    def commit(self) -> int:
        """Append the pending rows to the lake in one commit; return how many there were."""
        n = len(self._pending)
        if n:
            self.since = self.lake.append_after(self.since, self.table, self.table.rows(self._pending))
            os.ftruncate(self._file, 0)
            self._pending.clear()
        self._committed_at = time.monotonic()
        return n


@contextmanager
def journal(lake: Lake, table: Table, since: int) -> Iterator[Journal]:
    """A journal for this process; what is pending at the end is committed, after an error too."""
    with sentences(lake.place):
        draft = _folder(lake) / f"{table.name}-{uuid4().hex}"
        file = os.open(draft, os.O_CREAT | os.O_RDWR | os.O_APPEND, 0o600)
    try:
        fcntl.flock(file, fcntl.LOCK_EX)  # released when the process dies: only then do others recover the file
        path = draft.rename(draft.with_suffix(".jsonl"))
        opened = Journal(lake=lake, table=table, since=since, _file=file)
        try:
            yield opened
        finally:
            opened.commit()
            path.unlink()
    finally:
        os.close(file)


def recover(lake: Lake, table: Table) -> int:
    """Commit what dead processes left in their journals; return how many rows that was."""
    recovered = 0
    for path in sorted(_folder(lake).glob(f"{table.name}-*.jsonl")):
        try:
            file = os.open(path, os.O_RDWR)
        except FileNotFoundError:  # another process has just recovered it
            continue
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            recovered += _recover(lake, table, os.pread(file, os.fstat(file).st_size, 0))
            path.unlink(missing_ok=True)
        except BlockingIOError:  # its writer is alive
            continue
        finally:
            os.close(file)
    return recovered


def _recover(lake: Lake, table: Table, lines: bytes) -> int:
    rows = [row for line in lines.splitlines() if (row := _row(line)) is not None]
    if rows:
        lake.append((table, _rows(table, rows)))
    return len(rows)


def _row(line: bytes) -> dict[str, object] | None:
    """The row of a line; None for one that the disk did not take whole."""
    try:
        return orjson.loads(line)
    except orjson.JSONDecodeError:
        return None


def _rows(table: Table, rows: list[dict[str, object]]) -> pa.Table:
    """Rows as JSON holds them: times are text."""
    columns = [
        pa.array([row[column.name] for row in rows], pa.string()).cast(column.type)
        if pa.types.is_temporal(column.type)
        else pa.array([row[column.name] for row in rows], column.type)
        for column in table.columns
    ]
    return pa.Table.from_arrays(columns, schema=table.columns)


def _folder(lake: Lake) -> Path:
    folder = lake.folder / "journal"
    folder.mkdir(exist_ok=True)
    return folder
