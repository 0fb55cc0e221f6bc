"""Bring files in: the loop, the counting and the writing; what a record means, its importer says."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from itertools import accumulate
from math import ceil
from pathlib import Path
from typing import NamedTuple, TypeVar

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from curation.batches import Records, batches
from curation.columns import Plain
from curation.facts import told_otherwise
from curation.folders import record_files
from curation.importers import Importer, Row
from curation.provenance import WATCHED_RECORDS, WATCHED_RESPONSES, Note, Provenance, twins
from curation.readers import has_columns
from curation.records import BadRow, Named
from schemas.drops import DROPS, Drop
from schemas.errors import InputError
from schemas.funnel import Funnel
from schemas.ids import canonical
from schemas.prompts import PROMPTS, Prompt
from schemas.responses import RESPONSES, Response
from schemas.scores import SCORES, Score
from schemas.votes import VOTES, Vote
from warehouse.lake import Batch, Lake
from warehouse.origins import Arrivals

MB = 1_000_000

COMMIT_BYTES = 45_000_000
"""Size of the rows that are committed at once. With the batches it bounds memory, whatever the size of a file."""

BATCHES_AHEAD = 4
"""Of a column file. With fewer the reader waits, too, where a commit takes long."""

Item = TypeVar("Item")

KINDS = {Prompt: PROMPTS, Response: RESPONSES, Vote: VOTES, Score: SCORES, Drop: DROPS}
"""Which table takes which row."""


@dataclass(kw_only=True)
class Imported:
    """What an import did: the funnel of records, how many rows of each table were new, and what to know about them."""

    funnel: Funnel
    new: dict[str, int] = field(default_factory=dict)
    notes: list[Note] = field(default_factory=list)


def import_paths(
    lake: Lake,
    importer: Importer,
    paths: Sequence[Path],
    *,
    run_id: str | None = None,
    watch: Callable[[int, int], None] = lambda *_: None,
) -> Imported:
    """Import files (folders are searched) and account for every record.

    `watch` is told how many of how many MB are done: nearly, because only the text of a record is counted.

    Raises InputError when a path is absent, a file is empty, or no record of a batch can be used; then nothing of
    that batch is written.
    """
    with _arrow_in_little_memory():
        return _import(lake, importer, record_files(paths, importer.suffixes), run_id, watch)


def _import(
    lake: Lake, importer: Importer, files: Sequence[Path], run_id: str | None, watch: Callable[[int, int], None]
) -> Imported:
    same = twins(files)
    sizes = [path.stat().st_size for path in files]
    before, total = 0, ceil(sum(sizes) / MB)
    with ThreadPoolExecutor(1, "commit") as writer:
        work = _Work(lake=lake, importer=importer, run_id=run_id, writer=writer)
        try:
            for path, size in zip(files, sizes, strict=True):
                if path in same:
                    work.skip(path, same[path])
                else:
                    for taken in accumulate(work.file(path)):
                        watch(ceil((before + min(taken, size)) / MB), total)
                before += size
        finally:
            work.commit()
            work.committed()
    watch(total, total)
    done = work.done()
    if done.notes:
        lake.append((DROPS, DROPS.rows(note.row(run_id) for note in done.notes)))
    return done


@contextmanager
def _arrow_in_little_memory() -> Iterator[None]:
    """Let jemalloc allocate, where Arrow has it: mimalloc keeps much of what another thread frees, up to 200 MB."""
    before = pa.default_memory_pool()
    with suppress(NotImplementedError):
        pa.set_memory_pool(pa.jemalloc_memory_pool())
    try:
        yield
    finally:
        pa.set_memory_pool(before)


def _ahead(items: Iterator[Item]) -> Iterator[Item]:
    """The items, a few of which another thread makes while the ones before them are used."""
    with ThreadPoolExecutor(1, "read") as reader:
        under_way = deque(reader.submit(next, items, None) for _ in range(BATCHES_AHEAD))
        while (item := under_way.popleft().result()) is not None:
            under_way.append(reader.submit(next, items, None))
            yield item


class _Kept(NamedTuple):
    """A record that is not plain, its line, and what it was translated to."""

    line: int
    record: Named
    found: list[Row | Note]


@dataclass(kw_only=True)
class _Work:
    """One import under way."""

    lake: Lake
    importer: Importer
    run_id: str | None
    writer: Executor
    """Commits one part of the rows while the next part is translated; nothing else uses the lake meanwhile."""
    read: int = 0
    kept: int = 0
    dropped: dict[str, int] = field(default_factory=dict)
    new: dict[str, int] = field(default_factory=dict)
    waiting: list[Batch] = field(default_factory=list)
    bytes_waiting: int = 0
    under_way: Future[tuple[list[int], Note | None]] | None = None
    provenance: Provenance = field(init=False)
    arrivals: Arrivals = field(init=False)

    def __post_init__(self) -> None:
        self.arrivals = Arrivals(self.lake, run_id=self.run_id)
        self.provenance = Provenance(id_column=self.importer.id_column)

    def skip(self, path: Path, twin: Path) -> None:
        """Leave out a file with the bytes of another one, and say so."""
        detail = f"{path} = {twin}"
        drop = Drop.of("import", "file", "identical_file", detail=detail, file=str(path), run_id=self.run_id)
        self._store([drop])
        self.provenance.tell(Note(kind="identical file left out", detail=detail))

    def file(self, path: Path) -> Iterator[int]:
        """Import one file, a batch at a time; yields how many bytes of text each has."""
        expected = self.importer.model_of(path)
        seen = 0
        for batch, plain in self._read(path):
            rows, drops = self._translate(path, batch, plain)
            if len(drops) == len(batch):
                raise InputError(_no_record_fits(self.importer, path, drops[0]))
            self._store([*rows, *drops], plain.rows if plain else ())
            if expected is not None:
                models = {row.model for row in rows if isinstance(row, Response)}
                models |= set(plain.models.unique().to_pylist() if plain else ())
                self.provenance.generator(models, expected, path)
            seen += len(batch)
            yield batch.size
        if not seen:
            raise InputError(f"{path} is empty; give a file with at least one {self.importer.name} record.")

    def _read(self, path: Path) -> Iterator[tuple[Records, Plain | None]]:
        """The batches of a file, and what is plain in them."""
        read = ((batch, self.importer.plain(batch.records)) for batch in batches(path))
        # Records that Python reads one by one would only be in the way of those that it translates.
        return _ahead(read) if has_columns(path) else read

    def _store(self, rows: Iterable[Row | Drop], plain: Sequence[Batch] = ()) -> None:
        """Let rows wait until there are enough for a commit."""
        kinds: dict[type, list[Row | Drop]] = {kind: [] for kind in KINDS}
        for row in rows:
            kinds[type(row)].append(row)
        new = [*plain, *((table, table.rows(kinds[kind])) for kind, table in KINDS.items())]
        self.waiting += new
        self.bytes_waiting += sum(rows.nbytes for _, rows in new)
        if self.bytes_waiting >= COMMIT_BYTES:
            self.commit()

    def commit(self) -> None:
        """Begin to append the rows that wait, once those before them are in the lake."""
        self.committed()
        if not self.waiting:
            return
        parts = [
            (table, pa.concat_tables(rows for its, rows in self.waiting if its is table)) for table in KINDS.values()
        ]
        self.under_way = self.writer.submit(_append, self.lake, self.arrivals, parts)
        self.waiting.clear()
        self.bytes_waiting = 0

    def committed(self) -> None:
        """Wait for the commit under way. After one that failed, no later rows are written."""
        if self.under_way is None:
            return
        under_way, self.under_way = self.under_way, None
        try:
            counts, note = under_way.result()
        except BaseException:
            self.waiting.clear()
            raise
        for table, count in zip(KINDS.values(), counts, strict=True):
            if table is not DROPS:
                self.new[table.name] = self.new.get(table.name, 0) + count
        if note:
            self.provenance.tell(note)

    def _translate(self, path: Path, batch: Records, plain: Plain | None) -> tuple[list[Row], list[Drop]]:
        """Rows and drops of what is not plain in a batch. What is kept is watched, plain or not."""
        kept: list[_Kept] = []
        drops: list[Drop] = []
        for place in sorted(set(range(len(batch))).difference(plain.places if plain else ())):
            line, record = batch.numbers[place], batch.records[place]
            try:
                if isinstance(record, BadRow):
                    raise record
                named = Named(record)
                kept.append(_Kept(line, named, list(self.importer.translate(named))))
            except BadRow as bad:
                drops.append(self._drop(path, line, bad.reason, bad.detail))
            except ValueError as error:  # a record type that refuses to exist, such as an empty prompt
                drops.append(self._drop(path, line, "invalid", str(error)))
        self._watch(path, batch, plain, kept)
        self.read += len(batch)
        self.kept += len(batch) - len(drops)
        for drop in drops:
            self.dropped[drop.reason] = self.dropped.get(drop.reason, 0) + 1
        return [row for one in kept for row in one.found if not isinstance(row, Note)], drops

    def _watch(self, path: Path, batch: Records, plain: Plain | None, kept: Sequence[_Kept]) -> None:
        for note in (row for one in kept for row in one.found if isinstance(row, Note)):
            self.provenance.tell(note)
        watched = [_watched(kept, self.importer.id_column)]
        if plain:
            watched.append(_watched_plain(plain, np.array(batch.numbers)[plain.places]))
        records, responses = (pa.concat_tables(tables) for tables in zip(*watched, strict=True))
        self.provenance.records(path, records)
        self.provenance.responses(path, responses)

    def _drop(self, path: Path, line: int, reason: str, detail: str | None) -> Drop:
        return Drop.of("import", "record", reason, detail=detail, file=str(path), line=line, run_id=self.run_id)

    def done(self) -> Imported:
        """The counts and notes of all files."""
        funnel = Funnel(stage="import", unit="records", read=self.read, kept=self.kept, dropped=self.dropped)
        notes = self.provenance.close(answer_sheets=self.importer.answer_sheets)
        return Imported(funnel=funnel, new=self.new, notes=notes)


def _name(record: Named, id_column: str | None) -> str | None:
    """The id that a record gives itself, as JSON."""
    value = record.get(id_column) if id_column else None
    return None if value is None else canonical(value)


def _watched(kept: Sequence[_Kept], id_column: str | None) -> tuple[pa.Table, pa.Table]:
    """WATCHED_RECORDS and WATCHED_RESPONSES of what was translated."""
    records = [
        {
            "line": one.line,
            "record_id": one.record.content_id,
            "name": _name(one.record, id_column),
        }
        for one in kept
    ]
    responses = [
        {"line": one.line, "response_id": row.response_id, "model": row.model, "text": row.text}
        for one in kept
        for row in one.found
        if isinstance(row, Response)
    ]
    return pa.Table.from_pylist(records, WATCHED_RECORDS), pa.Table.from_pylist(responses, WATCHED_RESPONSES)


def _watched_plain(plain: Plain, lines: NDArray[np.int64]) -> tuple[pa.Table, pa.Table]:
    """WATCHED_RECORDS and WATCHED_RESPONSES of plain records on these lines."""
    records = [pa.array(lines), plain.record_ids, pa.nulls(len(lines), pa.string())]
    responses = [pa.array(np.concatenate([lines, lines])), plain.response_ids, plain.models, plain.answers]
    return (
        pa.Table.from_arrays(records, schema=WATCHED_RECORDS),
        pa.Table.from_arrays(responses, schema=WATCHED_RESPONSES),
    )


def _append(lake: Lake, arrivals: Arrivals, parts: Sequence[Batch]) -> tuple[list[int], Note | None]:
    """Append rows; how many of each table were new, and what to know of facts that were not."""
    counts = arrivals.append(*parts)
    return counts, told_otherwise(lake, next(rows for table, rows in parts if table is PROMPTS))


def _no_record_fits(importer: Importer, path: Path, first: Drop) -> str:
    detail = f" ({first.detail})" if first.detail else ""
    return (
        f"{path}: no record fits the format {importer.name}; line {first.line}: {first.reason}{detail}. "
        "See: prefinery formats"
    )
