"""Bring files in. An importer only translates one raw record; the loop, the counting and the writing are here."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import accumulate
from math import ceil
from pathlib import Path
from typing import ClassVar, Literal

import pyarrow as pa

from curation.batches import Records, batches
from curation.columns import Labels, Plain, plain_comparisons
from curation.comparisons import Keys, comparison_of, model_of, strength_of
from curation.facts import told_otherwise
from curation.folders import record_files
from curation.provenance import Note, Provenance, twins
from curation.readers import SUFFIXES
from curation.records import BadRow, Named, Record
from schemas.base import Plugin
from schemas.drops import DROPS, Drop
from schemas.errors import InputError
from schemas.funnel import Funnel
from schemas.prompts import PROMPTS, Message, Prompt
from schemas.registry import Registry
from schemas.responses import RESPONSES, Response
from schemas.scores import SCORES, Score
from schemas.votes import VOTES, Vote
from warehouse.lake import Batch, Lake
from warehouse.origins import append

COMMIT_BYTES = 64_000_000
"""Size of the rows that are committed at once. With the batches it bounds memory, whatever the size of a file."""

MB = 1_000_000

Row = Prompt | Response | Vote | Score


class Importer(Plugin):
    """A record format. Subclasses translate one record into prompts, responses, votes and scores."""

    license: ClassVar[str]
    suffixes: ClassVar[tuple[str, ...]] = SUFFIXES
    """File names that a folder is searched for."""

    id_column: ClassVar[str | None] = None
    """Field that should name a record; an id of several records is told."""

    answer_sheets: ClassVar[bool] = False
    """Whether every model is to answer the same prompts; a model with fewer answers is told."""

    source: str | None = None
    """Value of the `source` column; the importer's name when absent."""

    @property
    def origin(self) -> str:
        """The `source` of every imported row."""
        return self.source or self.name

    @abstractmethod
    def translate(self, record: Record) -> Iterator[Row | Note]:
        """Rows of one record, and notes about it. Raises BadRow with the reason when it cannot be used."""

    def plain(self, records: Sequence[Record | BadRow]) -> Plain | None:  # noqa: ARG002
        """The rows that `translate` has for some of these records, where a format can make many at once."""
        return None

    def model_of(self, path: Path) -> str | None:  # noqa: ARG002
        """The model that a file is called after, where a format has one file a model."""
        return None

    def record_name(self, record: Record) -> str:
        """Name of the act that a record describes: the same line imported twice is the same vote.

        Scores have it as their `call_id`, because the call that made them was somebody else's.
        """
        named = record if isinstance(record, Named) else Named(record)
        return f"{self.name}:{named.content_id}"

    def prompt(self, messages: Sequence[Message], **facts: object) -> Prompt:
        """A prompt of this import, with what is known about it."""
        return Prompt.of(messages, source=self.origin, license=self.license, **facts)

    def response(self, prompt: Prompt, model: str, text: str) -> Response:
        """A response of this import."""
        return Response.of(prompt.prompt_id, model=model, text=text, source=self.origin)

    def vote(
        self,
        record: Record,
        sides: tuple[Response, Response],
        winner: int | None,
        *,
        first: int | None = None,
        **facts: object,
    ) -> Vote:
        """A vote on two responses: `winner` is the place of the better one, `first` of the one shown first.

        Where a file does not say what was shown first, the order by id carries no information about the label.
        """
        ids = [side.response_id for side in sides]
        if ids[0] == ids[1]:
            raise BadRow("identical_responses")
        first = ids.index(min(ids)) if first is None else first
        return Vote.of(
            prompt_id=sides[0].prompt_id,
            shown_first=ids[first],
            shown_second=ids[1 - first],
            winner=None if winner is None else ids[winner],
            record=self.record_name(record),
            source=self.origin,
            **facts,
        )

    def score(
        self,
        record: Record,
        response: Response,
        aspect: str,
        value: float | None,
        *,
        judge: str,
        scale: tuple[float, float],
        act: str = "",
        rationale: str | None = None,
        failure: str | None = None,
    ) -> Score:
        """A score of one response; `act` tells several readings of one record and aspect apart.

        Raising the importer's version reads the ratings anew.
        """
        return Score(
            call_id=f"{self.record_name(record)}{act}",
            response_id=response.response_id,
            judge=judge,
            judge_version=self.version,
            aspect=aspect,
            value=value,
            scale_lo=scale[0],
            scale_hi=scale[1],
            rationale=rationale,
            failure=failure,
        )


class ComparisonImporter(Importer):
    """A format whose record is one comparison of two answers. Subclasses say under which keys it lies.

    Where a record does not say in `chosen_model` and `rejected_model` who wrote the answers, it is `<format>/unknown`.
    """

    license: ClassVar[str] = "the user's"

    annotator: str | None = None
    """Who compared; `<format>/unknown` when absent."""
    annotator_kind: Literal["human", "ai", "rm", "unknown"] = "unknown"

    @property
    def keys(self) -> Keys:
        """The keys of a record."""
        return Keys()

    @property
    def unknown(self) -> str:
        """Who wrote or compared where nobody is named."""
        return f"{self.name}/unknown"

    @property
    def labels(self) -> Labels:
        """What all rows have in common."""
        return Labels(
            format=self.name,
            source=self.origin,
            license=self.license,
            annotator=self.annotator or self.unknown,
            annotator_kind=self.annotator_kind,
            unknown=self.unknown,
        )

    def plain(self, records: Sequence[Record | BadRow]) -> Plain | None:
        return plain_comparisons(records, self.keys, self.labels)

    def translate(self, record: Record) -> Iterator[Row]:
        found = comparison_of(record, self.keys)
        prompt = self.prompt(found.context)
        yield prompt
        sides = (
            self.response(prompt, model_of(record, "chosen_model", self.unknown), found.chosen),
            self.response(prompt, model_of(record, "rejected_model", self.unknown), found.rejected),
        )
        yield from sides
        yield self.vote(
            record,
            sides,
            winner=0,
            strength=strength_of(record, self.keys.margin),
            annotator=self.annotator or self.unknown,
            annotator_kind=self.annotator_kind,
        )


IMPORTERS = Registry("curation.importers", Importer)

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
    files = record_files(paths, importer.suffixes)
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
                    for chars in accumulate(work.file(path)):
                        watch(ceil((before + min(chars, size)) / MB), total)
                before += size
        finally:
            work.commit()
            work.committed()
    watch(total, total)
    done = work.done()
    if done.notes:
        lake.append((DROPS, DROPS.rows(note.row(run_id) for note in done.notes)))
    return done


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

    def __post_init__(self) -> None:
        self.provenance = Provenance(id_column=self.importer.id_column)

    def skip(self, path: Path, twin: Path) -> None:
        """Leave out a file with the bytes of another one, and say so."""
        detail = f"{path} = {twin}"
        drop = Drop.of("import", "file", "identical_file", detail=detail, file=str(path), run_id=self.run_id)
        self._store([drop])
        self.provenance.tell(Note(kind="identical file left out", detail=detail))

    def file(self, path: Path) -> Iterator[int]:
        """Import one file, a batch at a time; yields the length of the text of each."""
        expected = self.importer.model_of(path)
        seen = 0
        for batch in batches(path):
            plain = self.importer.plain(batch.records)
            rows, drops = self._translate(path, batch, plain)
            if len(drops) == len(batch):
                raise InputError(_no_record_fits(self.importer, path, drops[0]))
            self._store([*rows, *drops], plain.rows if plain else ())
            if expected is not None:
                models = {row.model for row in rows if isinstance(row, Response)} | set(plain.models if plain else ())
                self.provenance.generator(models, expected, path)
            seen += len(batch)
            yield batch.chars
        if not seen:
            raise InputError(f"{path} is empty; give a file with at least one {self.importer.name} record.")

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
        self.under_way = self.writer.submit(_append, self.lake, parts, self.run_id)
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
        """Rows and drops of what is not plain in a batch. What is kept is watched, all in the order of the file."""
        rows: list[Row] = []
        drops: list[Drop] = []
        taken = set(plain.places) if plain else set[int]()
        watched = 0
        for skipped, place in enumerate(place for place in range(len(batch)) if place not in taken):
            if plain:
                self._watch_plain(plain, watched, place - skipped, path, batch)
                watched = place - skipped
            line, record = batch.numbers[place], batch.records[place]
            try:
                if isinstance(record, BadRow):
                    raise record
                named = Named(record)
                found = list(self.importer.translate(named))
            except BadRow as bad:
                drops.append(self._drop(path, line, bad.reason, bad.detail))
            except ValueError as error:  # a record type that refuses to exist, such as an empty prompt
                drops.append(self._drop(path, line, "invalid", str(error)))
            else:
                self._watch(named, found, f"{path}:{line}")
                rows.extend(row for row in found if not isinstance(row, Note))
        if plain:
            self._watch_plain(plain, watched, len(plain.places), path, batch)
        self.read += len(batch)
        self.kept += len(batch) - len(drops)
        for drop in drops:
            self.dropped[drop.reason] = self.dropped.get(drop.reason, 0) + 1
        return rows, drops

    def _watch_plain(self, plain: Plain, start: int, stop: int, path: Path, batch: Records) -> None:
        """`_watch` for these plain records."""

        def where(number: int) -> str:
            return f"{path}:{batch.numbers[plain.places[start + number]]}"

        self.provenance.records(plain.record_ids[start:stop], where)
        sides = slice(2 * start, 2 * stop)
        self.provenance.responses(
            plain.response_ids[sides], plain.models[sides], plain.answers[sides], lambda number: where(number // 2)
        )

    def _watch(self, record: Named, found: list[Row | Note], where: str) -> None:
        self.provenance.record(record, where)
        for row in found:
            if isinstance(row, Response):
                self.provenance.response(row, where)
            elif isinstance(row, Note):
                self.provenance.tell(row)

    def _drop(self, path: Path, line: int, reason: str, detail: str | None) -> Drop:
        return Drop.of("import", "record", reason, detail=detail, file=str(path), line=line, run_id=self.run_id)

    def done(self) -> Imported:
        """The counts and notes of all files."""
        funnel = Funnel(stage="import", unit="records", read=self.read, kept=self.kept, dropped=self.dropped)
        notes = self.provenance.close(answer_sheets=self.importer.answer_sheets)
        return Imported(funnel=funnel, new=self.new, notes=notes)


def _append(lake: Lake, parts: Sequence[Batch], run_id: str | None) -> tuple[list[int], Note | None]:
    """Append rows; how many of each table were new, and what to know of facts that were not."""
    counts = append(lake, *parts, run_id=run_id)
    return counts, told_otherwise(lake, next(rows for table, rows in parts if table is PROMPTS))


def _no_record_fits(importer: Importer, path: Path, first: Drop) -> str:
    detail = f" ({first.detail})" if first.detail else ""
    return (
        f"{path}: no record fits the format {importer.name}; line {first.line}: {first.reason}{detail}. "
        "See: prefinery formats"
    )
