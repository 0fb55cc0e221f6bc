"""Signs that a file is not what it says it is: told at import, beside the counts. Memory is bounded."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, KeysView, Sequence
from dataclasses import dataclass, field, replace
from hashlib import blake2b, file_digest
from pathlib import Path

from curation.records import Named
from schemas.ids import canonical
from schemas.responses import Response

MAX_REMEMBERED = 500_000
"""Records and answers that are remembered: about 200 MB. Later ones are compared with these, not with each other."""

CONSTANT_PROMPTS = 10
"""A text that a model gives to so many prompts is called constant."""

SHOWN_CHARS = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """Something to know about records that were kept: what it is, how many records, and the first example."""

    kind: str
    detail: str | None = None
    rows: int = 1


@dataclass(kw_only=True)
class Provenance:
    """Watches what one import reads."""

    id_column: str | None = None
    notes: dict[str, Note] = field(default_factory=dict)
    _records: set[int] = field(default_factory=set)
    _ids: set[int] = field(default_factory=set)
    _responses: set[int] = field(default_factory=set)
    _prompts_of_text: Counter[int] = field(default_factory=Counter)
    _constant: dict[int, str] = field(default_factory=dict)
    _models: Counter[str] = field(default_factory=Counter)

    def tell(self, note: Note) -> None:
        """Count a note; the first detail of its kind stays."""
        old = self.notes.get(note.kind)
        self.notes[note.kind] = replace(old, rows=old.rows + note.rows) if old else note

    def record(self, record: Named, where: str) -> None:
        """Look for records that were read before, and for ids that name several records."""
        if self._repeats(record.content_id, where):
            return
        name = record.get(self.id_column) if self.id_column else None
        if name is not None and _known(self._ids, canonical(name)):
            self.tell(Note(kind="one id, several records", detail=f"{self.id_column} {name!r}, {where}"))

    def records(self, record_ids: Sequence[str], where: Callable[[int], str]) -> None:
        """`record` for many that are not asked for other ids; `where` tells the place of each, counted from 0."""
        names = list(map(hash, record_ids))
        if _all_new(self._records, names):
            _remember(self._records, names)
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
        names, spoken = list(map(hash, response_ids)), list(map(hash, zip(models, texts, strict=True)))
        new = _all_new(self._responses, names) and _all_new(self._prompts_of_text.keys(), spoken)
        if new and all(map(str.strip, texts)):
            self._models.update(models)
            _remember(self._responses, names)
            _remember(self._prompts_of_text, spoken)
            return
        for number, answer in enumerate(zip(response_ids, models, texts, strict=True)):
            self._answer(*answer, where(number))

    def _repeats(self, record_id: str, where: str) -> bool:
        """Whether a record came before; then it is told."""
        if known := _known(self._records, record_id):
            self.tell(Note(kind="record repeated", detail=where))
        return known

    def _answer(self, response_id: str, model: str, answer: str, where: str) -> None:
        if _known(self._responses, response_id):
            return
        self._models[model] += 1
        if not answer.strip():
            self.tell(Note(kind="empty response", detail=f"{model}, {where}"))
            return
        text = hash((model, answer))
        if text not in self._prompts_of_text and len(self._prompts_of_text) >= MAX_REMEMBERED:
            return
        self._prompts_of_text[text] += 1
        if self._prompts_of_text[text] == CONSTANT_PROMPTS:
            self._constant[text] = f"{model}: {answer.strip()[:SHOWN_CHARS]!r}"

    def generator(self, models: Iterable[str], expected: str, path: Path) -> None:
        """Compare the models that a file names with the one that it is called after."""
        if others := sorted(set(models) - {expected}):
            self.tell(Note(kind="model is not the file's", detail=f"{path} holds {', '.join(others[:3])}"))

    def close(self, *, answer_sheets: bool) -> list[Note]:
        """All notes; `answer_sheets` says that every model was to answer the same prompts."""
        for text in sorted(self._constant, key=lambda text: -self._prompts_of_text[text]):
            rows = self._prompts_of_text[text]
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


def _known(remembered: set[int], name: str) -> bool:
    """Whether the name came before; remembers its 64-bit hash while there is room."""
    short = hash(name)
    if short not in remembered and len(remembered) < MAX_REMEMBERED:
        remembered.add(short)
        return False
    return short in remembered


def _all_new(remembered: set[int] | KeysView[int], names: Sequence[int]) -> bool:
    """Whether no name came before or comes twice, and there is room for all of them or for none."""
    room = MAX_REMEMBERED - len(remembered)
    if room <= 0:
        return remembered.isdisjoint(names)
    return room >= len(names) == len(set(names)) and remembered.isdisjoint(names)


def _remember(remembered: set[int] | Counter[int], names: Sequence[int]) -> None:
    """Take in names that are all new, if there is room."""
    if len(remembered) < MAX_REMEMBERED:
        remembered.update(names)
