"""Hand a version on. An exporter says what one row looks like; the loop, the counting and the folder are here."""

from __future__ import annotations

import json
from abc import abstractmethod
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from functools import cached_property
from hashlib import blake2b, file_digest
from pathlib import Path
from typing import Any, ClassVar

import pyarrow as pa

from schemas.base import Plugin
from schemas.datasets import MANIFEST, DatasetVersion
from schemas.errors import WarehouseError
from schemas.folder import whole_folder
from schemas.funnel import Funnel
from schemas.ids import ID_BYTES
from schemas.registry import Registry
from warehouse.comparisons import LeftOut, Row
from warehouse.lake import Lake
from warehouse.versions import members


@dataclass(frozen=True, kw_only=True)
class Material:
    """A version as exporters read it: a batch of rows at a time."""

    lake: Lake
    version: DatasetVersion

    @cached_property
    def members(self) -> pa.Table:
        """Pair ids with their treatment."""
        return members(self.lake, self.version.dataset, self.version.version)

    @cached_property
    def has_margins(self) -> bool:
        """Whether every pair has a margin: trainers that read margins cannot do without one."""
        return not self.members.column("margin").null_count

    def batches(self, query: str) -> Iterator[pa.RecordBatch]:
        """Batches of the named query, which reads the members as `treated`."""
        return self.lake.stream(query, treated=self.members)

    def schema(self, query: str) -> pa.Schema:
        """Columns of the named query."""
        return self.lake.ask(query, treated=self.members.slice(0, 0)).schema

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

    @abstractmethod
    def row(self, row: Row, *, with_margin: bool) -> dict[str, Any]:
        """The row as the format has it. Raises LeftOut when the format cannot carry it."""

    def write(self, material: Material, folder: Path) -> Funnel:
        with ExitStack() as files:
            splits = {
                name: files.enter_context((folder / f"{name}.jsonl").open("w", encoding="utf-8", newline="\n"))
                for name in ("train", "test")
            }
            count = Count()
            for split, row in self.translated(material, count):
                splits[split].write(json.dumps(row, ensure_ascii=False) + "\n")
        for name in splits:
            if not (folder / f"{name}.jsonl").stat().st_size:
                (folder / f"{name}.jsonl").unlink()
        return count.funnel(self.unit)

    def translated(self, material: Material, count: Count) -> Iterator[tuple[str, dict[str, Any]]]:
        """(split, row) of all rows that the format can carry; `count` takes note of all."""
        for row in material.rows(self.query):
            count.read += 1
            try:
                yield row["split"], self.row(row, with_margin=material.has_margins)
            except LeftOut as left_out:
                count.dropped[left_out.reason] += 1


class Count:
    """Rows on their way out."""

    def __init__(self) -> None:
        self.read = 0
        self.dropped: Counter[str] = Counter()

    def funnel(self, unit: str) -> Funnel:
        """What was read is kept or dropped."""
        kept = self.read - self.dropped.total()
        return Funnel(stage="export", unit=unit, read=self.read, kept=kept, dropped=dict(self.dropped))


EXPORTERS = Registry("warehouse.exporters", Exporter)


def export_folder(lake: Lake, version: DatasetVersion, folder: Path, exporter: Exporter) -> Exported:
    """Write a version to `folder`, replacing an older export there; whole or not at all.

    A manifest names the version, the format, what the format could not carry, and the bytes of every file.
    """
    if folder.exists() and not (folder / MANIFEST).exists() and any(folder.iterdir()):
        raise WarehouseError(f"{folder} holds something else than an export; name another folder.")
    with whole_folder(folder) as draft:
        funnel = exporter.write(Material(lake=lake, version=version), draft)
        if not funnel.kept:
            reasons = ", ".join(f"{count} {reason}" for reason, count in funnel.dropped.items())
            raise WarehouseError(
                f"{version.label} has nothing that {exporter.name} can carry ({reasons}); use another format."
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
    return Exported(place=str(folder), funnel=funnel)


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def _digest(path: Path) -> str:
    with path.open("rb") as content:
        return file_digest(content, lambda: blake2b(digest_size=ID_BYTES)).hexdigest()
