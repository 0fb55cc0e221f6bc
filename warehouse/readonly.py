"""SQL for people and programs: any query, nothing but queries, within limits of time and memory."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from threading import Timer

import duckdb
import pyarrow as pa

from schemas.errors import InputError
from warehouse.lake import STREAM_ROWS, Lake
from warehouse.macros import create_macros, macro_texts
from warehouse.memory import allowed, bound
from warehouse.rows import Rows
from warehouse.sentences import is_stopped, lacks_memory, sentences
from warehouse.statement import Gate
from warehouse.versions import find_version
from warehouse.views import create_views

TIMEOUT_S = 300.0
"""Longest time that a query may take, until its last row."""

MEMORY = "4GB"
"""Most that DuckDB holds in memory for a query; sorts and joins beyond it go to a temporary folder."""

RELATIONS = """
select table_name, column_name from duckdb_columns()
where not internal and database_name in ('lake', 'temp') and schema_name = 'main'
order by table_name, column_index
"""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a query gives: its columns, and its rows a batch at a time. The batches can be read once."""

    schema: pa.Schema
    batches: Iterator[pa.RecordBatch]

    def rows(self) -> Rows:
        """All rows that are left, in memory."""
        return Rows(pa.Table.from_batches(self.batches, self.schema))


FAULTS = (duckdb.Error, pa.ArrowException, OSError)
"""What a query may end with."""

RUNS_FOR_A_CAUSE = 3


@dataclass(kw_only=True)
class Reader:
    """A connection that can only read the lake. Made by `reading`."""

    con: duckdb.DuckDBPyConnection
    fixed: bool
    """Whether it sees a version's data rather than the newest."""
    _stopped: str | None = None
    """Why the running query is to end before its last row."""

    @cached_property
    def relations(self) -> dict[str, list[str]]:
        """Tables and views with their columns."""
        found: dict[str, list[str]] = {}
        for name, column in self.con.execute(RELATIONS).fetchall():
            found.setdefault(name, []).append(column)
        return found

    def interrupt(self, why: str = "was stopped") -> None:
        """Stop the running query; callable from another thread."""
        self._stopped = why
        self.con.interrupt()

    @contextmanager
    def ask(self, sql: str, timeout_s: float = TIMEOUT_S) -> Iterator[Answer]:
        """The answer of one query; it is computed while its batches are read.

        Raises InputError when the text is no query, fails or takes longer than `timeout_s`, with the reason.
        """
        self._stopped = None
        timer = Timer(timeout_s, self.interrupt, [f"took longer than {timeout_s:g} s; narrow it or raise --timeout"])
        timer.daemon = True
        timer.start()
        try:
            with self._explained(sql):
                found = self._begin(sql)
            columns = _distinct(found.schema.names)
            schema = pa.schema([field.with_name(name) for field, name in zip(found.schema, columns, strict=True)])
            yield Answer(schema, self._read(found, columns, sql))
        finally:
            timer.cancel()

    def _begin(self, sql: str) -> pa.RecordBatchReader:
        """Run a query that passes the gate."""
        gate = Gate(con=self.con, relations=frozenset(self.relations), fixed=self.fixed)
        return self.con.execute(gate.pass_(sql)).to_arrow_reader(STREAM_ROWS)

    def _read(self, found: pa.RecordBatchReader, columns: list[str], sql: str) -> Iterator[pa.RecordBatch]:
        with self._explained(sql):
            for batch in found:
                yield batch.rename_columns(columns)

    @contextmanager
    def _explained(self, sql: str) -> Iterator[None]:
        try:
            yield
        except FAULTS as error:
            cause = self.cause(error, sql)
            why = f"{self._stopped}." if self._stopped else f"fails: {_sentence(cause)}"
            raise InputError(f"The query {why}") from error

    def cause(self, error: Exception, sql: str) -> Exception:
        """The fault behind an error of a query.

        An interrupt that nobody asked for stands for it now and then (`is_stopped`). Run again, the query says it.
        """
        for _ in range(RUNS_FOR_A_CAUSE):
            if self._stopped or not is_stopped(error):
                break
            try:
                for _batch in self._begin(sql):
                    pass
            except FAULTS as found:
                error = found
        return error


@contextmanager
def reading(folder: str | Path, *, at: str | None = None, memory: str | None = None) -> Iterator[Reader]:
    """A reader of the newest data, or of the data as of version `at` (NAME@V), with the views of `warehouse/views`.

    `memory` is the most that DuckDB holds for a query: PREFINERY_MEMORY or 4GB if absent.
    """
    snapshot = None
    if at is not None:
        with Lake.open(folder, read_only=True) as lake:
            snapshot = find_version(lake, at).snapshot
    with Lake.open(folder, read_only=True, snapshot=snapshot) as lake:
        bound(lake.con, memory or allowed(MEMORY))
        with sentences(lake.place):
            create_views(lake.con)
            for name in macro_texts():
                with suppress(duckdb.CatalogException, duckdb.BinderException):  # it reads what an old snapshot lacks
                    create_macros(lake.con, name)
        _confine(lake)
        yield Reader(con=lake.con, fixed=at is not None)


def query(folder: str | Path, sql: str, *, at: str | None = None, timeout_s: float = TIMEOUT_S) -> Rows:
    """The answer of one read-only statement, on the newest data or as of version `at` (NAME@V).

    Raises InputError when the statement is no query or fails, with DuckDB's reason.
    """
    with reading(folder, at=at) as reader, reader.ask(sql, timeout_s) as answer:
        return answer.rows()


def _confine(lake: Lake) -> None:
    """Leave the query nothing but the lake's own files: no other file, no network, no settings, no extensions."""
    settings = {
        "allowed_directories": [lake.place.data_path],
        "python_enable_replacements": False,
        "autoload_known_extensions": False,
        "autoinstall_known_extensions": False,
        "enable_external_access": False,
        "lock_configuration": True,
    }
    for name, value in settings.items():
        lake.con.execute(f"set {name} = $value", {"value": value})  # the names are those above


def _distinct(names: list[str]) -> list[str]:
    """Column names, the repeated ones numbered: a, a_2, a_3."""
    given: list[str] = []
    for name in names:
        number, free = 1, name
        while free in given:
            number += 1
            free = f"{name}_{number}"
        given.append(free)
    return given


def _sentence(error: BaseException) -> str:
    """What DuckDB says, in one line, without its drawing of the place, and without settings that are locked here."""
    if lacks_memory(error):
        return (
            f"{str(error).splitlines()[0].rstrip('.')}; allow more by --memory, such as 8GB, or free some of the disk"
        )
    return " ".join(str(error).split("\n\nLINE ")[0].split())
