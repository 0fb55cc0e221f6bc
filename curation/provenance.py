"""Signs that a file is not what it says it is: told at import, beside the counts. Memory is bounded."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from hashlib import blake2b, file_digest
from pathlib import Path

from curation.records import Named
from curation.seen import Seen, hashes
from schemas.drops import Drop
from schemas.ids import canonical, content_id
from schemas.responses import Response

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

    def record(self, record: Named, where: str) -> None:
        """Look for records that were read before, and for ids that name several records."""
        if self._repeats(record.content_id, where):
            return
        name = record.get(self.id_column) if self.id_column else None
        if name is not None and _known(self._ids, hash(canonical(name))):
            self.tell(Note(kind="one id, several records", detail=f"{self.id_column} {name!r}, {where}"))

    def records(self, record_ids: Sequence[str], where: Callable[[int], str]) -> None:
        """`record` for many that are not asked for other ids; `where` tells the place of each, counted from 0."""
        names = hashes(record_ids)
        if self._records.none_of(names):
            self._records.update(names)
            return
        for number, record_id in enumerate(record_ids):
            self._repeats(record_id, where(number))

    def response(self, response: Response, where: str) -> None:
        """Look for empty answers, and for a text that answers many prompts."""
        self._answer(response.response_id, response.model, response.text, where)

    def responses(
        self, response_ids: Sequence[str], models: Sequence[str], texts: Sequence[str], where: Callable[[int], str]
    ) -> None:
        """`response` for many."""
        names, spoken = hashes(response_ids), hashes(zip(models, texts, strict=True))
        if self._responses.none_of(names) and self._texts.none_of(spoken) and all(map(str.strip, texts)):
            self._models.update(models)
            self._responses.update(names)
            self._texts.update(spoken)
            return
        for number, answer in enumerate(zip(response_ids, models, texts, strict=True)):
            self._answer(*answer, where(number))

    def _repeats(self, record_id: str, where: str) -> bool:
        """Whether a record came before; then it is told."""
        if known := _known(self._records, hash(record_id)):
            self.tell(Note(kind="record repeated", detail=where))
        return known

    def _answer(self, response_id: str, model: str, answer: str, where: str) -> None:
        if _known(self._responses, hash(response_id)):
            return
        self._models[model] += 1
        if not answer.strip():
            self.tell(Note(kind="empty response", detail=f"{model}, {where}"))
            return
        text = hash((model, answer))
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
