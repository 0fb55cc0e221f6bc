"""AlpacaEval's annotations: which of two models answered an instruction better."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from curation.importers import Importer, Row
from curation.records import BadRow, Record, field_of, number_of, text_of
from schemas.prompts import user

TIE = 1.5
DRAWN = {0.0, TIE}
"""Older files write a tie as 0."""


class AlpacaEval(Importer):
    """AlpacaEval annotations: `preference` 1, 2, between (1.5 is a tie), or null where the annotator failed.

    `{"instruction": "Hi", "output_1": "Hello!", "generator_1": "m", "output_2": "No.", "generator_2": "n",
    "annotator": "gpt-4", "preference": 1}`
    """

    name = "alpaca_eval"
    license: ClassVar[str] = "CC-BY-NC-4.0"

    def translate(self, record: Record) -> Iterator[Row]:
        field_of(record, "preference")
        preference = number_of(record, "preference")
        if preference is not None and preference not in DRAWN and not 1 <= preference <= 2:
            raise BadRow("unknown_preference", f"{preference:g}")
        prompt = self.prompt(user(text_of(record, "instruction")))
        yield prompt
        sides = tuple(
            self.response(prompt, text_of(record, f"generator_{place}"), text_of(record, f"output_{place}"))
            for place in (1, 2)
        )
        yield from sides
        winner, strength = _winner(preference)
        yield self.vote(
            record,
            (sides[0], sides[1]),
            winner,
            first=_first(record),
            strength=strength,
            failure="no_preference" if preference is None else None,
            **_annotator(record),  # pyright: ignore[reportArgumentType]
        )


def _winner(preference: float | None) -> tuple[int | None, float | None]:
    """(place of the better output, how clearly from 0 to 1); no place for a tie and for a failure."""
    if preference is None:
        return None, None
    return (None, 0.0) if preference in DRAWN else (int(preference > TIE), 2 * abs(preference - TIE))


def _first(record: Record) -> int | None:
    """Which output the annotator saw first, where the file says so."""
    switched = record.get("is_switched_output_1_output_2")
    return None if switched is None else int(bool(switched))


def _annotator(record: Record) -> dict[str, str]:
    """A named annotator is a model; a numbered one is a person."""
    if record.get("annotator") is None and record.get("annotator_index") is not None:
        return {"annotator": f"alpaca_eval/{record['annotator_index']}", "annotator_kind": "human"}
    return {"annotator": f"alpaca_eval/{record.get('annotator') or 'unknown'}", "annotator_kind": "ai"}
