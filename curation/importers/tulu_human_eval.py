"""Tulu's human evaluation: answers of four models, and votes with five strengths by 16 annotators."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import ClassVar

from curation.importers import BadRow, Importer, Record, Row, json_lines, text_of
from schemas.prompts import Prompt, user
from schemas.responses import Response
from schemas.votes import Vote

PREFERENCES: dict[str, tuple[int | None, float]] = {
    "a-is-better": (0, 2.0),
    "a-is-slightly-better": (0, 1.0),
    "tie": (None, 0.0),
    "b-is-slightly-better": (1, 1.0),
    "b-is-better": (1, 2.0),
}
"""Which side wins (0 is model_a, None neither), and by how many steps."""


class TuluHumanEval(Importer):
    """Answers from the .jsonl file, votes from the .xlsx file of the same folder.

    `{"id": "task_2", "prompt": "Correct this text.", "completions": [{"model": "tulu_65B", "completion": "..."}]}` and
    sheet rows with prompt, model_a, model_b, completion_a, completion_b, preference, evaluator.
    """

    name = "tulu_human_eval"
    license: ClassVar[str] = "Apache-2.0"
    suffixes: ClassVar[tuple[str, ...]] = (".jsonl", ".xlsx")

    def records(self, path: Path) -> Iterator[tuple[int, Record | BadRow]]:
        return _sheet(path) if path.suffix == ".xlsx" else json_lines(path)

    def translate(self, record: Record) -> Iterator[Row]:
        prompt = Prompt.of(user(text_of(record, "prompt")), source=self.origin, license=self.license)
        yield prompt
        if "completions" in record:
            for side in record["completions"]:
                yield self._response(prompt, text_of(side, "model"), text_of(side, "completion"))
        else:
            yield from self._vote(prompt, record)

    def _response(self, prompt: Prompt, model: str, text: str) -> Response:
        if not text.strip():
            raise BadRow("empty_response", model)
        return Response.of(prompt.prompt_id, model=model, text=text, source=self.origin)

    def _vote(self, prompt: Prompt, record: Record) -> Iterator[Row]:
        preference = text_of(record, "preference")
        if preference not in PREFERENCES:
            raise BadRow("unknown_preference", preference)
        side, strength = PREFERENCES[preference]
        shown = [
            self._response(prompt, text_of(record, f"model_{label}"), text_of(record, f"completion_{label}"))
            for label in "ab"
        ]
        if shown[0].response_id == shown[1].response_id:
            raise BadRow("identical_responses")
        yield from shown
        yield Vote.of(
            prompt_id=prompt.prompt_id,
            shown_first=shown[0].response_id,
            shown_second=shown[1].response_id,
            winner=None if side is None else shown[side].response_id,
            record=self.record_name(record),
            strength=strength,
            annotator=f"tulu/{text_of(record, 'evaluator')}",
            annotator_kind="human",
            source=self.origin,
        )


def _sheet(path: Path) -> Iterator[tuple[int, Record | BadRow]]:
    """(sheet row, record) of the first sheet; the first row names the columns, empty rows are BadRow."""
    from zipfile import BadZipFile

    from openpyxl import load_workbook

    from schemas.errors import InputError

    try:
        rows = load_workbook(path, read_only=True).worksheets[0].iter_rows(values_only=True)
    except BadZipFile as error:
        raise InputError(f"{path} is no .xlsx workbook; save it as one again.") from error
    header = [str(name) for name in next(rows, ())]
    for number, cells in enumerate(chain(rows), 2):
        if all(cell is None for cell in cells):
            yield number, BadRow("blank_row")
        else:
            yield number, {name: _plain(cell) for name, cell in zip(header, cells, strict=False)}


def _plain(cell: object) -> object:
    """JSON value of a cell: dates become text."""
    return cell if cell is None or isinstance(cell, (str, int, float, bool)) else str(cell)
