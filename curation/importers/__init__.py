"""Bring files in. An importer only translates one raw record; the loop, the counting and the writing are here."""

from __future__ import annotations

import json
from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, ClassVar

from schemas.base import Plugin
from schemas.drops import DROPS, Drop
from schemas.errors import InputError
from schemas.funnel import Funnel
from schemas.ids import content_id
from schemas.prompts import PROMPTS, Prompt
from schemas.registry import Registry
from schemas.responses import RESPONSES, Response
from schemas.votes import VOTES, Vote
from warehouse.lake import Lake

BATCH_RECORDS = 10_000
"""Records committed at once: bounds memory, whatever the size of the file."""

Record = Mapping[str, Any]
Row = Prompt | Response | Vote


class BadRow(Exception):
    """One record that cannot be translated; it becomes a drop with this reason."""

    def __init__(self, reason: str, detail: str | None = None) -> None:
        self.reason, self.detail = reason, detail
        super().__init__(f"{reason}: {detail}" if detail else reason)


class Importer(Plugin):
    """A file format. Subclasses translate one record into prompts, responses and votes."""

    license: ClassVar[str]
    suffixes: ClassVar[tuple[str, ...]] = (".jsonl",)
    """File names that a folder is searched for."""

    source: str | None = None
    """Value of the `source` column; the importer's name when absent."""

    @property
    def origin(self) -> str:
        """The `source` of every imported row."""
        return self.source or self.name

    @abstractmethod
    def translate(self, record: Record) -> Iterator[Row]:
        """Rows of one record. Raises BadRow with the reason when it cannot be used."""

    def records(self, path: Path) -> Iterator[tuple[int, Record | BadRow]]:
        """(line, record) of a file, from 1. The default reads JSON lines."""
        return json_lines(path)

    def record_name(self, record: Record) -> str:
        """Name of the act that a record describes: the same line imported twice is the same vote."""
        return f"{self.name}:{content_id(dict(record))}"


IMPORTERS = Registry("curation.importers", Importer)


def json_lines(path: Path) -> Iterator[tuple[int, Record | BadRow]]:
    """(line, object) of a JSON lines file; blank lines are skipped, lines that are no object are BadRow."""
    with path.open("rb") as lines:
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            try:
                record = json.loads(line)
            except (UnicodeDecodeError, json.JSONDecodeError) as error:
                yield number, BadRow("malformed_json", str(error))
                continue
            yield number, record if isinstance(record, dict) else BadRow("not_an_object", type(record).__name__)


def text_of(record: Record, name: str) -> str:
    """A required text column of a record."""
    if name not in record:
        raise BadRow("missing_column", name)
    if not isinstance(record[name], str):
        raise BadRow("wrong_type", f"{name} is {type(record[name]).__name__}, want text")
    return record[name]


@dataclass(kw_only=True)
class Imported:
    """What an import did: the funnel of records, and how many rows of each table were new."""

    funnel: Funnel
    new: dict[str, int] = field(default_factory=dict)


def import_paths(lake: Lake, importer: Importer, paths: Sequence[Path], *, run_id: str | None = None) -> Imported:
    """Import files (folders are searched) and account for every record.

    Raises InputError when a path is absent, a file is empty, or no record of a batch can be used; then nothing of
    that batch is written.
    """
    read = kept = 0
    drops: dict[str, int] = {}
    new: dict[str, int] = {}
    for path in _files(importer, paths):
        numbered = importer.records(path)
        seen = 0
        while batch := list(islice(numbered, BATCH_RECORDS)):
            rows, dropped, used = _translate(importer, path, batch, run_id)
            if not used:
                first = dropped[0]
                raise InputError(
                    f"{path}: no record fits the format {importer.name}; line {first.line}: "
                    f"{first.reason}{f' ({first.detail})' if first.detail else ''}. See: prefinery formats"
                )
            counts = lake.append(
                *((table, table.rows(row for row in rows if isinstance(row, kind))) for table, kind in KINDS),
                (DROPS, DROPS.rows(dropped)),
            )
            for (table, _), count in zip(KINDS, counts, strict=False):
                new[table.name] = new.get(table.name, 0) + count
            for drop in dropped:
                drops[drop.reason] = drops.get(drop.reason, 0) + 1
            seen += len(batch)
            kept += used
        if not seen:
            raise InputError(f"{path} is empty; give a file with at least one {importer.name} record.")
        read += seen
    return Imported(funnel=Funnel(stage="import", unit="records", read=read, kept=kept, dropped=drops), new=new)


KINDS = ((PROMPTS, Prompt), (RESPONSES, Response), (VOTES, Vote))
"""Which table takes which row."""


def _translate(
    importer: Importer, path: Path, batch: list[tuple[int, Record | BadRow]], run_id: str | None
) -> tuple[list[Row], list[Drop], int]:
    """Rows, drops and the number of used records of a batch."""
    rows: list[Row] = []
    drops: list[Drop] = []
    for line, record in batch:
        try:
            if isinstance(record, BadRow):
                raise record
            rows.extend(list(importer.translate(record)))
        except BadRow as bad:
            drops.append(
                Drop.of("import", "record", bad.reason, detail=bad.detail, file=str(path), line=line, run_id=run_id)
            )
        except ValueError as error:  # a record type that refuses to exist, such as an empty prompt
            drops.append(
                Drop.of("import", "record", "invalid", detail=str(error), file=str(path), line=line, run_id=run_id)
            )
    return rows, drops, len(batch) - len(drops)


def _files(importer: Importer, paths: Sequence[Path]) -> list[Path]:
    found: list[Path] = []
    for path in paths:
        if path.is_dir():
            inside = sorted(p for p in path.iterdir() if p.suffix in importer.suffixes)
            if not inside:
                raise InputError(f"{path} holds no {' or '.join(importer.suffixes)} file for {importer.name}.")
            found.extend(inside)
        elif path.is_file():
            found.append(path)
        else:
            raise InputError(f"{path} does not exist; give a file or a folder.")
    return found
