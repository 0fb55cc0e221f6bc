"""The lake: append rows by key, read them back, ask named questions."""

# pyarrow.compute makes its functions when it is imported.
# pyright: reportAttributeAccessIssue=false

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Self

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from schemas.errors import WarehouseError
from schemas.table import Table
from warehouse.connect import connect, refuse_shared_data
from warehouse.failpoints import reach
from warehouse.lock import WriteLock, write_lock
from warehouse.macros import create_called
from warehouse.migrate import migrate, refuse_newer, steps
from warehouse.order import by_heads, in_order
from warehouse.place import Place
from warehouse.queries import query_text
from warehouse.sentences import sentences

STREAM_ROWS = 20_000
"""Rows of a streamed batch."""

PLACE = "place in the batch"
"""A column beside the keys of rows; no table has one of that name."""

Batch = tuple[Table, pa.Table]
"""Rows on their way into a table."""


class Lake:
    """An open warehouse. Use as a context manager."""

    def __init__(self, place: Place, *, read_only: bool = False, snapshot: int | None = None) -> None:
        self.place = place
        self._read_only = read_only
        self._snapshot = snapshot
        self._macros: set[str] = set()
        """Made on the connection: to make one takes as long as to look up a row."""

    @classmethod
    def create(cls, folder: str | Path, *, catalog: str | None = None, data: str | None = None) -> Lake:
        """Create the warehouse in `folder`, or bring an existing one up to date, and open it.

        `catalog` and `data` (see Place) are remembered in the folder; without them it has its own.
        """
        place = Place.chosen(folder, catalog, data)
        lake = cls(place)
        with sentences(place):
            if place.exists and refuse_newer(lake.con) == steps()[-1][0]:
                return lake
            place.folder.mkdir(parents=True, exist_ok=True)
            if not place.is_s3:
                Path(place.data_path).mkdir(parents=True, exist_ok=True)
            with lake.lock:
                refuse_shared_data(place)
                migrate(lake.con)
            place.remember()
        return lake

    @classmethod
    def open(cls, folder: str | Path, *, read_only: bool = False, snapshot: int | None = None) -> Lake:
        """Open an existing warehouse, brought up to date. A reader who may not write sees an older one as it is.

        Raises WarehouseError when there is none, or it is of a newer release.
        """
        place = Place.of(folder)
        if not place.exists:
            raise WarehouseError(f"{folder} is no warehouse; create one with: prefinery init {folder}")
        if not read_only:
            return cls.create(folder)
        lake = cls(place, read_only=True, snapshot=snapshot)
        with sentences(place):
            if refuse_newer(lake.con) == steps()[-1][0] or snapshot is not None:
                return lake
        lake.close()
        with suppress(WarehouseError):
            cls.create(folder).close()
        return cls(place, read_only=True)

    @property
    def folder(self) -> Path:
        """Where models, exports and journals lie."""
        return self.place.folder

    @cached_property
    def con(self) -> duckdb.DuckDBPyConnection:
        """The DuckDB connection, opened on first use."""
        return connect(self.place, read_only=self._read_only, snapshot=self._snapshot)

    @cached_property
    def lock(self) -> WriteLock:
        """Held by every writer for its one commit."""
        return write_lock(self.place)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the connection to the catalogue, and to the lock."""
        self.con.close()
        self.lock.close()

    def append(self, *batches: Batch) -> list[int]:
        """Insert the rows whose key is new, all batches in one commit; return how many were new per batch."""
        with self.transaction():
            return [self.insert(table, rows).num_rows for table, rows in batches]

    def append_after(self, since: int, table: Table, rows: pa.Table) -> int:
        """`append` of rows whose keys the lake lacked at snapshot `since`; return the snapshot that holds them.

        Only what came after `since` is searched for equal keys, so the cost does not grow with the table.
        """
        with self.lock:
            with self.transaction():
                self._insert(table, table.check(rows), known=self._came_after(since, table))
            return self.snapshot()

    def _came_after(self, since: int, table: Table) -> str | None:
        """The relation of the rows that came after a snapshot; None if there are none."""
        now = self.snapshot()
        if now <= since:
            return None
        if not self._remembers(since + 1):  # a collection came between
            return table.name
        return f"ducklake_table_insertions('lake', 'main', '{table.name}', {since + 1:d}, {now:d})"

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """One commit under the writers' lock: all of it or nothing."""
        with sentences(self.place), self.lock:
            self.con.execute("begin")
            try:
                yield
                self.lock.confirm()
                reach("before commit")
                self.con.execute("commit")
                reach("after commit")
            except BaseException:
                self._rollback()
                raise

    def _remembers(self, snapshot: int) -> bool:
        """Whether the lake can still tell what came with this snapshot."""
        known = "select 1 from ducklake_snapshots('lake') where snapshot_id = $snapshot"
        return self.con.execute(known, {"snapshot": snapshot}).fetchone() is not None

    def insert(self, table: Table, rows: pa.Table, *, new: pa.ChunkedArray | None = None) -> pa.Table:
        """`append` for use inside an open `transaction`; return the rows that were new.

        `new` says of each row whether the caller knows that the lake lacks its key: that is not searched.
        """
        return self._insert(table, table.check(rows), known=table.name, new=new)

    def insert_new(self, table: Table, rows: pa.Table) -> int:
        """`insert` of rows that the caller knows to be new: nothing is searched."""
        self._write(table, table.check(rows))
        return rows.num_rows

    def _insert(
        self, table: Table, rows: pa.Table, *, known: str | None, new: pa.ChunkedArray | None = None
    ) -> pa.Table:
        """Insert the rows whose key the relation `known` lacks; of several with one key the first."""
        if not rows.num_rows:
            return rows
        keys = rows.select(table.key).append_column(PLACE, pa.array(np.arange(rows.num_rows)))
        stored = self._stored(keys if new is None else keys.filter(pc.invert(new)), known)
        places = np.setdiff1d(keys.column(PLACE), np.concatenate([stored, _repeats(keys)]))
        lacking = rows if len(places) == rows.num_rows else rows.take(pa.array(places))
        reach("before write")
        self._write(table, lacking)
        reach("after write")
        return lacking

    def _stored(self, keys: pa.Table, known: str | None) -> NDArray[np.int64]:
        """The places of the keys that the relation `known` has."""
        if not known or not keys.num_rows:
            return np.empty(0, np.int64)
        names = ", ".join(keys.column_names[:-1])
        # Of keys and places alone: a join would copy the texts of all rows that it lets through.
        found = f'select "{PLACE}" from numbered semi join (select {names} from {known}) using ({names})'
        with self._registered(numbered=keys):
            return self.con.execute(found).to_arrow_table().column(0).to_numpy()

    def _write(self, table: Table, rows: pa.Table) -> None:
        """Write rows, in the order of their table: DuckLake is told not to sort them (migration 009)."""
        if not rows.num_rows:
            return
        with self._registered(incoming=in_order(rows, table.order)):
            self.con.execute(f"insert into {table.name} by name from incoming")

    @contextmanager
    def _registered(self, **relations: pa.Table | pa.RecordBatchReader) -> Iterator[None]:
        """Give SQL these rows under these names."""
        for name, rows in relations.items():
            self.con.register(name, rows)
        try:
            yield
        finally:
            for name in relations:
                self.con.unregister(name)

    def _rollback(self) -> None:
        self._macros.clear()  # those that the transaction made are gone
        try:
            self.con.execute("rollback")
        except duckdb.Error:  # a failed commit has already ended the transaction
            return

    def read(self, table: Table) -> pa.Table:
        """All rows of a table, in key order."""
        with sentences(self.place):
            return self.con.execute(f"select * from {table.name} order by {', '.join(table.key)}").to_arrow_table()

    def ask(self, query: str, **parameters: object) -> pa.Table:
        """The answer of `warehouse/queries/<query>.sql`; Arrow tables among the parameters become relations."""
        relations = {name: value for name, value in parameters.items() if isinstance(value, pa.Table)}
        values = {name: value for name, value in parameters.items() if name not in relations}
        with sentences(self.place), self._registered(**relations):
            self._macros |= create_called(self.con, query_text(query), self._macros)
            return self.con.execute(query_text(query), values or None).to_arrow_table()

    def stream(self, query: str, **parameters: pa.Table) -> Iterator[pa.RecordBatch]:
        """`ask`, a batch of rows at a time: for answers that are larger than memory should be."""
        with sentences(self.place):
            cursor = self.con.cursor()
            cursor.execute("use lake")
            for name, rows in parameters.items():
                cursor.register(name, rows)
            create_called(cursor, query_text(query))
            yield from cursor.execute(query_text(query)).to_arrow_reader(STREAM_ROWS)

    def snapshot(self) -> int:
        """Number of the last commit."""
        with sentences(self.place):
            row = self.con.execute("from ducklake_current_snapshot('lake')").fetchone()
        return int(row[0]) if row else 0


def _repeats(keys: pa.Table) -> NDArray[np.int64]:
    """The places of keys that came before among these: rows named by content are then equal."""
    order, tied = by_heads(keys.column(0))
    keys = keys.take(pa.array(np.sort(order[tied])))
    # Most keys are different: several threads would each keep most of them, and then compare them once more.
    first = keys.group_by(keys.column_names[:-1], use_threads=False).aggregate([(PLACE, "min")])
    return np.setdiff1d(keys.column(PLACE), first.column(f"{PLACE}_min"))
