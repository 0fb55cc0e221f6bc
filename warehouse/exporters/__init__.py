"""Hand a version on. An exporter says what one row looks like; the loop, the counting and the folder are here."""

from __future__ import annotations

import json
from abc import abstractmethod
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, closing
from dataclasses import asdict, dataclass
from functools import cached_property
from hashlib import file_digest
from itertools import chain, islice
from pathlib import Path
from typing import Any, ClassVar

import pyarrow as pa

from schemas.base import Plugin
from schemas.datasets import MANIFEST, DatasetVersion
from schemas.errors import WarehouseError
from schemas.folder import whole_folder
from schemas.funnel import Funnel
from schemas.registry import Registry
from warehouse.ballots import by_people, decided
from warehouse.comparisons import LeftOut, Row
from warehouse.lake import Lake
from warehouse.memory import thrifty
from warehouse.sheets import JsonLines, Sheet
from warehouse.versions import members

BATCH_ROWS = 5_000
"""Rows that are held at once, and of a row group."""


@dataclass(frozen=True, kw_only=True)
class Material:
    """A version as exporters read it: a batch of rows at a time."""

    lake: Lake
    version: DatasetVersion
    until: int | None = None
    """Snapshot until which what is known of its prompts and answers counts; that of the version if absent."""

    @cached_property
    def members(self) -> pa.Table:
        """Pair ids with their treatment."""
        return members(self.lake, self.version.dataset, self.version.version)

    @property
    def pinned(self) -> pa.Table:
        """One row: the snapshot whose scores, votes, rubrics and facts are carried."""
        return pa.table({"snapshot": [self.version.snapshot if self.until is None else self.until]})

    @cached_property
    def has_margins(self) -> bool:
        """Whether every pair has a margin: trainers that read margins cannot do without one."""
        return not self.members.column("margin").null_count

    def batches(self, query: str) -> Iterator[pa.RecordBatch]:
        """Batches of the named query, which reads the members as `treated`."""
        return self.lake.stream(query, treated=self.members, pinned=self.pinned)

    def schema(self, query: str) -> pa.Schema:
        """Columns of the named query."""
        return self.lake.ask(query, treated=self.members.slice(0, 0), pinned=self.pinned).schema

    def rows(self, query: str) -> Iterator[Row]:
        """Rows of the named query."""
        for batch in self.batches(query):
            yield from batch.to_pylist()


@dataclass(frozen=True, slots=True, kw_only=True)
class Exported:
    """Where a version went, and what of it the format carries."""

    place: str
    funnel: Funnel


class Exporter(Plugin):
    """A format for versions. Subclasses fill a folder."""

    @abstractmethod
    def write(self, material: Material, folder: Path) -> Funnel:
        """Fill `folder`, and account for every row."""


class RowExporter(Exporter):
    """A format of one row after the other, in `train.jsonl` and `test.jsonl`. Subclasses translate a row."""

    query: ClassVar[str] = "version_pairs"
    """Where the rows come from; each has a `split`."""

    unit: ClassVar[str] = "pairs"
    """What a row is, for the counts."""

    @abstractmethod
    def row(self, row: Row, *, with_margin: bool) -> dict[str, Any]:
        """The row as the format has it. Raises LeftOut when the format cannot carry it."""

    def parts(self, row: Row) -> Iterable[Row]:
        """The rows that `row` is asked about: one of the query may hold several of the format."""
        return [row]

    def place(self, row: Row) -> str:
        """Name of the file that takes a row: its split."""
        return row["split"]

    def sheet(self, folder: Path, place: str) -> Sheet:
        """Begin the file of that name."""
        return JsonLines(folder / f"{place}.jsonl")

    def finish(self, material: Material, folder: Path, count: Count) -> None:
        """Write what lies beside the rows: nothing, in most formats."""

    def write(self, material: Material, folder: Path) -> Funnel:
        count = Count()
        sheets: dict[str, Sheet] = {}
        with ExitStack() as opened:
            rows = self.translated(material, count)
            while batch := list(islice(rows, BATCH_ROWS)):
                for place in sorted({place for place, _ in batch}):
                    if place not in sheets:
                        sheets[place] = opened.enter_context(closing(self.sheet(folder, place)))
                    sheets[place].add([row for of, row in batch if of == place])
        self.finish(material, folder, count)
        return count.funnel(self.unit)

    def translated(self, material: Material, count: Count) -> Iterator[tuple[str, dict[str, Any]]]:
        """(file, row) of all rows that the format can carry; `count` takes note of all."""
        for row in chain.from_iterable(map(self.parts, material.rows(self.query))):
            count.read += 1
            try:
                found = self.place(row), self.row(row, with_margin=material.has_margins)
            except LeftOut as left_out:
                count.dropped[left_out.reason] += 1
            else:
                count.kept[found[0]] += 1
                yield found


class PeoplesVotes(RowExporter):
    """Decided votes, in a format that does not say who is no person: readers take all of its votes for people's."""

    query: ClassVar[str] = "version_votes"
    unit: ClassVar[str] = "votes"

    people_only: bool = True
    """False writes the votes of models too."""

    @abstractmethod
    def vote(self, row: Row) -> dict[str, Any]:
        """One vote as the format writes it."""

    def row(self, row: Row, *, with_margin: bool) -> dict[str, Any]:  # noqa: ARG002
        decided(row)
        return self.vote(by_people(row) if self.people_only else row)


class Count:
    """Rows on their way out: how many were read, left out for which reason, and kept in which file."""

    def __init__(self) -> None:
        self.read = 0
        self.dropped: Counter[str] = Counter()
        self.kept: Counter[str] = Counter()

    def funnel(self, unit: str) -> Funnel:
        """What was read is kept or dropped."""
        kept = self.kept.total()
        return Funnel(stage="export", unit=unit, read=self.read, kept=kept, dropped=dict(self.dropped))


EXPORTERS = Registry("warehouse.exporters", Exporter)


def export_folder(
    lake: Lake, version: DatasetVersion, folder: Path, exporter: Exporter, until: int | None = None
) -> Exported:
    """Write a version to `folder`, replacing an older export there; whole or not at all.

    It carries the scores, votes, rubrics and facts of the version's snapshot, so that it is the same at any time, or
    those of the snapshot `until`. A manifest names the version, the format, what the format could not carry, and the
    bytes of every file.
    """
    if folder.exists() and not (folder / MANIFEST).exists() and any(folder.iterdir()):
        raise WarehouseError(f"{folder} holds something else than an export; name another folder.")
    material = Material(lake=lake, version=version, until=until)
    return Exported(place=str(folder), funnel=thrifty(lake.con, lambda: _export(material, folder, exporter)))


def _export(material: Material, folder: Path, exporter: Exporter) -> Funnel:
    version = material.version
    with whole_folder(folder) as draft:
        funnel = exporter.write(material, draft)
        if not funnel.kept:
            reasons = ", ".join(f"{count} {reason}" for reason, count in funnel.dropped.items())
            raise WarehouseError(
                f"{version.label} has nothing that {exporter.name} can carry ({reasons}); use another format, or "
                "--today for what became known after it was published."
            )
        manifest = {
            "dataset": version.dataset,
            "version": version.version,
            "fingerprint": version.fingerprint,
            "n_pairs": version.n_pairs,
            "recipe": version.recipe,
            "format": exporter.spec(),
            "funnel": asdict(funnel),
            "files": {path.relative_to(draft).as_posix(): _digest(path) for path in _files(draft)},
        }
        (draft / MANIFEST).write_text(json.dumps(manifest, indent=2) + "\n", encoding="utf-8")
    return funnel


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def _digest(path: Path) -> str:
    with path.open("rb") as content:
        return file_digest(content, "sha256").hexdigest()
