"""The writers' lock: DuckLake has no keys, so two open transactions could insert the same key."""

from __future__ import annotations

import time
from types import TracebackType
from typing import Protocol, Self

import duckdb
from filelock import FileLock, Timeout

from schemas.errors import WarehouseError
from warehouse.extensions import duckdb_with
from warehouse.place import Place
from warehouse.queries import literal
from warehouse.sentences import sentences

PATIENCE_S = 600.0
"""Longest wait for another writer. A writer holds the lock for one commit, well under a second."""

POLL_S = 0.01
"""Between two looks at the lock's file."""

TURN_S = 5
"""Longest wait in Postgres' queue before we look around: an interrupt of the user counts then."""

KEY = 0x70726566696E6572
"""The advisory lock's number: `prefiner` in ASCII. Postgres keeps one such lock a database."""


class WriteLock(Protocol):
    """Held for one commit; entering it again inside is free. It is released when its process dies, however it dies."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None: ...

    def confirm(self) -> None:
        """Raise WarehouseError when the lock was lost while it was held."""
        ...

    def close(self) -> None:
        """End what the lock keeps open."""
        ...


def write_lock(place: Place) -> WriteLock:
    """The lock that holds wherever the catalogue can be reached from."""
    return _PostgresLock(place) if place.is_postgres else _FolderLock(place)


def _locked(place: Place) -> WarehouseError:
    return WarehouseError(f"{place.folder} is locked by another writer; end it or wait, then try again.")


class _FolderLock:
    """Processes of one machine: the operating system keeps the lock on a file."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self._file = FileLock(place.folder / "write.lock", timeout=PATIENCE_S, poll_interval=POLL_S)

    def __enter__(self) -> Self:
        with sentences(self.place):
            try:
                self._file.acquire()
            except Timeout as error:
                raise _locked(self.place) from error
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None:
        self._file.release()

    def confirm(self) -> None:
        """The operating system takes no lock away."""

    def close(self) -> None:
        """Nothing is open while the lock is not held."""


class _PostgresLock:
    """Processes of several machines: Postgres keeps the lock for an open transaction on a connection of its own.

    A lock of the transaction rather than of the session: the end of either releases it, and it also holds where a pool
    of connections stands before the server.
    """

    def __init__(self, place: Place) -> None:
        self.place = place
        self._depth = 0
        self._con: duckdb.DuckDBPyConnection | None = None

    def __enter__(self) -> Self:
        if self._depth == 0:
            try:
                with sentences(self.place):
                    self._acquire()
            except BaseException:
                self.close()
                raise
        self._depth += 1
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None:
        self._depth -= 1
        if self._depth == 0 and self._con is not None:
            try:
                self._con.execute("rollback")
            except duckdb.Error:  # the connection has ended, and the lock with it
                self.close()

    def confirm(self) -> None:
        try:
            self._ask("select 1 as held")
        except duckdb.Error as error:
            raise WarehouseError(
                f"The connection to the catalogue of {self.place.folder} broke; nothing was written, so try again."
            ) from error

    def _acquire(self) -> None:
        self._con = self._con or self._connect()
        start = time.monotonic()
        while not self._waited_out(self._con):
            if time.monotonic() - start > PATIENCE_S:
                raise _locked(self.place)

    def _waited_out(self, con: duckdb.DuckDBPyConnection) -> bool:
        """Stand in the server's queue for a while; whether the lock is ours."""
        con.execute("begin")
        # A large commit is no idle connection.
        self._ask("select set_config('idle_in_transaction_session_timeout', '0', true) as never")
        self._ask(f"select set_config('lock_timeout', '{TURN_S}s', true) as turn")
        start = time.monotonic()
        try:
            self._ask(f"select pg_advisory_xact_lock({KEY})::text as held")
        except duckdb.Error:
            con.execute("rollback")
            if time.monotonic() - start < TURN_S:
                raise
            return False
        return True

    def _connect(self) -> duckdb.DuckDBPyConnection:
        con = duckdb_with("postgres_scanner")
        con.execute(f"attach {literal(self.place.catalog)} as catalogue (type postgres, read_only)")
        return con

    def _ask(self, sql: str) -> object:
        assert self._con is not None
        row = self._con.execute("from postgres_query('catalogue', $sql)", {"sql": sql}).fetchone()
        return row and row[0]

    def close(self) -> None:
        if self._con is not None:
            self._con.close()
            self._con = None
