"""UltraFeedback: four completions of an instruction, each rated in four aspects and overall, with a critique."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from curation.importers import Importer, Row
from curation.provenance import Note
from curation.records import BadRow, Record, objects_of, optional_text_of, text_of, texts_of
from schemas.prompts import user
from schemas.responses import Response
from schemas.scores import Score

ASPECT_SCALE = (1.0, 5.0)
OVERALL_SCALE = (1.0, 10.0)

RATING = re.compile(r"(\d+(?:\.\d+)?)(?:\s*/\s*(?:5|10))?")
"""`8`, `8.5` or `8/10`. A bare 1 is a 1, also on a scale up to 10."""

SUSPECT = 10.0
LOW, MIDDLE = 2.0, 4.0
"""A parser of 2023 made 10 of every overall 1. Of the 10s, those with a mean aspect rating up to LOW were a 1, those
above MIDDLE are a 10, and what lies between must be judged again."""


NO_ANSWER = "None"
"""What the files say where no answer is known."""


class UltraFeedback(Importer):
    """UltraFeedback: aspect ratings and overall scores. Overall scores that were inverted upstream are repaired.

    `{"source": "flan", "instruction": "Hi", "correct_answers": ["None"], "models": ["m"], "completions":
    [{"model": "m", "response": "Hello!", "annotations": {"honesty": {"Rating": "5", "Rationale": "..."}},
    "overall_score": 9.0, "critique": "..."}]}`
    """

    name = "ultrafeedback"
    license: ClassVar[str] = "MIT"

    judge: str = "ultrafeedback/gpt-4"
    """Who rated."""

    def translate(self, record: Record) -> Iterator[Row | Note]:
        known = {name: _answers(record, name) for name in ("correct_answers", "incorrect_answers")}
        prompt = self.prompt(user(text_of(record, "instruction")), **known)
        yield prompt
        sides = objects_of(record, "completions")
        if not sides:
            raise BadRow("no_completions")
        for side in sides:
            response = self.response(prompt, text_of(side, "model"), text_of(side, "response"))
            yield response
            ratings = []
            for score in self._aspects(record, side, response):
                yield score
                ratings += [] if score.value is None else [score.value]
            yield from self._overall(record, side, response, sum(ratings) / len(ratings) if ratings else None)

    def _aspects(self, record: Record, side: Record, response: Response) -> Iterator[Score]:
        annotations = side.get("annotations") or {}
        if not isinstance(annotations, dict):
            raise BadRow("wrong_type", f"annotations is {type(annotations).__name__}, want an object")
        for aspect, raw in annotations.items():
            if raw is None:  # column files have every aspect in every row
                continue
            found = _annotation(raw)
            value, failure = read_rating(found.get("Rating"), ASPECT_SCALE) if found else (None, "missing")
            why = optional_text_of(found, "Rationale For Rating") or optional_text_of(found, "Rationale")
            facts = {"judge": self.judge, "scale": ASPECT_SCALE, "rationale": why, "failure": failure}
            yield self.score(record, response, aspect, value, **facts)

    def _overall(self, record: Record, side: Record, response: Response, mean: float | None) -> Iterator[Row | Note]:
        if side.get("overall_score") is None:
            return
        value, failure = read_rating(side["overall_score"], OVERALL_SCALE)
        if value == SUSPECT:
            value, failure, note = repair(mean)
            yield from [note] if note else []
        facts = {"judge": self.judge, "scale": OVERALL_SCALE, "failure": failure}
        yield self.score(record, response, "overall", value, rationale=optional_text_of(side, "critique"), **facts)


def repair(mean: float | None) -> tuple[float | None, str | None, Note | None]:
    """What an overall 10 means beside this mean aspect rating: value, failure, and what to tell."""
    if mean is None or LOW < mean <= MIDDLE:
        return None, "inverted_or_not", Note(kind="overall 10 is in doubt; it needs a judge")
    if mean <= LOW:
        return OVERALL_SCALE[0], None, Note(kind="overall 10 repaired to 1")
    return SUSPECT, None, None


def read_rating(raw: object, scale: tuple[float, float]) -> tuple[float | None, str | None]:
    """(value, failure) of a rating as written; `N/A` is no value and no failure."""
    if isinstance(raw, str) and raw.strip().upper() in {"N/A", "NA"}:
        return None, None
    found = RATING.fullmatch(str(raw).strip())
    value = float(found[1]) if found else None
    return (value, None) if value is not None and scale[0] <= value <= scale[1] else (None, "unparseable")


def _answers(record: Record, name: str) -> tuple[str, ...] | None:
    """Known answers to the instruction; a text alone is one."""
    found = record.get(name)
    answers = texts_of({name: [found]} if isinstance(found, str) else record, name) or ()
    return tuple(answer for answer in answers if answer not in ("", NO_ANSWER)) or None


def _annotation(found: Any) -> Mapping[str, Any]:
    """The ratings of an aspect; older files have a list of them, which is empty after failed calls."""
    if isinstance(found, list):
        found = found[0] if found else {}
    if not isinstance(found, dict):
        raise BadRow("wrong_type", f"an annotation is {type(found).__name__}, want an object")
    return found
