"""Signs that a file is not what it says it is: told at import, beside the counts. Memory is bounded."""

# pyarrow.compute makes its functions when it is imported.
# pyright: reportAttributeAccessIssue=false

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from hashlib import blake2b, file_digest
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from curation.records import are_blank
from curation.seen import Seen, id_hashes
from schemas.drops import Drop
from schemas.ids import content_id
from warehouse.hashes import row_hashes

MAX_REMEMBERED = 2_000_000
"""Records, answers, texts and ids that are remembered, of each so many: 16 MB. Later ones are compared with these, not
with each other, and that is told."""

MAX_REPEATED = 500_000
"""Texts whose repetitions are counted."""

CONSTANT_PROMPTS = 10
"""A text that a model gives to so many prompts is called constant."""

SHOWN_CHARS = 60

STAGE = "provenance"
"""Of stored notes."""


WATCHED_RECORDS = pa.schema([("line", pa.int64()), ("record_id", pa.string()), ("name", pa.string())])
"""`name` is the id that a record gives itself, as JSON, where its format has one."""

WATCHED_RESPONSES = pa.schema(
    [("line", pa.int64()), ("response_id", pa.string()), ("model", pa.string()), ("text", pa.string())]
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """Something to know about records that were kept: what it is, how many records, and the first example."""

    kind: str
    detail: str | None = None
    rows: int = 1

    def row(self, run_id: str | None = None) -> Drop:
        """The note where SQL finds it: a row of `drops` in a stage of its own, since nothing was dropped."""
        name = content_id("note", self.kind, self.detail, self.rows)
        detail = f"{self.rows:,}: {self.detail or 'no detail'}"
        return Drop.of(STAGE, "note", self.kind, row_id=name, detail=detail, run_id=run_id)


@dataclass(kw_only=True)
class Provenance:
    """Watches what one import reads."""

    id_column: str | None = None
    most: int = MAX_REMEMBERED
    notes: dict[str, Note] = field(default_factory=dict)
    _repeated: Counter[int] = field(default_factory=Counter)
    _constant: dict[int, str] = field(default_factory=dict)
    _models: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self._records, self._ids, self._responses, self._texts = (Seen(self.most) for _ in range(4))

    def tell(self, note: Note) -> None:
        """Count a note; the first detail of its kind stays."""
        old = self.notes.get(note.kind)
        self.notes[note.kind] = replace(old, rows=old.rows + note.rows) if old else note

    def records(self, path: Path, records: pa.Table) -> None:
        """Look for records of a file (WATCHED_RECORDS) that were read before, and for ids that name several of them."""
        order = _order(records)
        hashes, names = id_hashes(records.column("record_id"))[order], records.column("name")
        if names.null_count == len(names) and self._records.none_of(hashes):
            self._records.update(hashes)
            return
        for hash_, row in zip(hashes.tolist(), records.take(order).to_pylist(), strict=True):
            where, name = f"{path}:{row['line']}", row["name"]
            if _known(self._records, hash_):
                self.tell(Note(kind="record repeated", detail=where))
            elif name is not None and _known(self._ids, hash(name)):
                self.tell(Note(kind="one id, several records", detail=f"{self.id_column} {name}, {where}"))

    def responses(self, path: Path, responses: pa.Table) -> None:
        """Look for empty answers in a file (WATCHED_RESPONSES), and for a text that answers many prompts."""
        order = _order(responses)
        models, texts = responses.column("model"), responses.column("text")
        hashes, spoken = id_hashes(responses.column("response_id"))[order], row_hashes(models, texts)[order]
        # A new text makes a new response: of every one that is remembered the text is so too, unless it is blank.
        if self._texts.none_of(spoken) and not pc.any(are_blank(texts)).as_py():
            self._models.update({count["values"]: count["counts"] for count in models.value_counts().to_pylist()})
            self._responses.update(hashes)
            self._texts.update(spoken)
            return
        rows = responses.take(order).to_pylist()
        for hash_, text, row in zip(hashes.tolist(), spoken.tolist(), rows, strict=True):
            if not _known(self._responses, hash_):
                self._answer(text, row["model"], row["text"], f"{path}:{row['line']}")

    def _answer(self, text: int, model: str, answer: str, where: str) -> None:
        self._models[model] += 1
        if not answer.strip():
            self.tell(Note(kind="empty response", detail=f"{model}, {where}"))
            return
        if not _known(self._texts, text) or (text not in self._repeated and len(self._repeated) >= MAX_REPEATED):
            return
        self._repeated[text] += 1
        if self._repeated[text] == CONSTANT_PROMPTS - 1:
            self._constant[text] = f"{model}: {answer.strip()[:SHOWN_CHARS]!r}"

    def generator(self, models: Iterable[str], expected: str, path: Path) -> None:
        """Compare the models that a file names with the one that it is called after."""
        if others := sorted(set(models) - {expected}):
            self.tell(Note(kind="model is not the file's", detail=f"{path} holds {', '.join(others[:3])}"))

    def close(self, *, answer_sheets: bool) -> list[Note]:
        """All notes; `answer_sheets` says that every model was to answer the same prompts."""
        for what, seen in (("records", self._records), ("ids", self._ids), ("responses", self._responses)):
            if seen.left_out:
                detail = f"{what} after the first {self.most:,} are compared with these, not with each other"
                self.tell(Note(kind=f"{what} not remembered", detail=detail, rows=seen.left_out))
        for text in sorted(self._constant, key=lambda text: -self._repeated[text]):
            rows = self._repeated[text] + 1
            self.tell(Note(kind="one text, many prompts", detail=self._constant[text], rows=rows))
        if answer_sheets and len(set(self._models.values())) > 1:
            (most, many), *_, (least, few) = self._models.most_common()
            detail = f"{most} {many:,}, {least} {few:,}"
            self.tell(Note(kind="models with fewer rows", detail=detail, rows=_fewer(self._models, many)))
        return sorted(self.notes.values(), key=lambda note: note.kind)


def _order(watched: pa.Table) -> NDArray[np.int64]:
    """Where the rows are, in the order of their lines."""
    return watched.column("line").to_numpy().argsort(kind="stable")


def _fewer(models: Counter[str], many: int) -> int:
    return sum(count < many for count in models.values())


def twins(files: Sequence[Path]) -> dict[Path, Path]:
    """Files whose bytes an earlier file has, and that file. Only files of one size are read."""
    sizes = Counter(file.stat().st_size for file in files)
    first: dict[str, Path] = {}
    found: dict[Path, Path] = {}
    for file in files:
        if sizes[file.stat().st_size] > 1:
            with file.open("rb") as content:
                digest = file_digest(content, blake2b).hexdigest()
            if first.setdefault(digest, file) != file:
                found[file] = first[digest]
    return found


def _known(remembered: Seen, name: int) -> bool:
    """Whether the name came before; remembers it while there is room."""
    if name in remembered:
        return True
    remembered.add(name)
    return False
