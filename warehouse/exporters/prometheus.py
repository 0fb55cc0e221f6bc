"""Prometheus: absolute scores from 1 to 5, with feedback."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

from warehouse.ballots import own_name
from warehouse.comparisons import LeftOut, Row, one_text
from warehouse.exporters import RowExporter
from warehouse.ratings import by_aspect, short, values_on

SCALE = (1.0, 5.0)
HEADING = "###Response to evaluate:\n"
"""What a reader takes a whole prompt of Prometheus by."""


class Prometheus(RowExporter):
    """Prometheus scores of the responses of a version, one criterion a line; several readings are lists.

    The rubric is the criterion alone, without what each score means. Scores on other scales than 1 to 5 are moved
    there. Who scored is not in the format.

    `{"instruction": "Hi", "response": "Hello!", "response_source": "m", "rubric": "[Is it polite?]", "score": 5,
    "feedback": "..."}`
    """

    name = "prometheus"
    query: ClassVar[str] = "version_ratings"
    unit: ClassVar[str] = "responses under a criterion"

    def parts(self, row: Row) -> Iterable[Row]:
        return [
            {"prompt": row["prompt"], "split": row["split"], **side, "aspect": aspect, "ratings": ratings}
            for side in row["completions"]
            for aspect, ratings in (by_aspect(side["ratings"]) if side["ratings"] else {"": []}).items()
        ]

    def row(self, row: Row, *, with_margin: bool) -> dict[str, Any]:  # noqa: ARG002
        ratings = [rating for rating in row["ratings"] if rating["value"] is not None]
        if not ratings:
            raise LeftOut("no_rating")
        if row["aspect"].splitlines() != [row["aspect"]]:
            raise LeftOut("criterion_is_not_one_line")
        instruction = one_text(row["prompt"])
        if HEADING in instruction:
            raise LeftOut("text_holds_a_heading")
        scores = [short(value) for value in values_on(ratings, SCALE)]
        feedback = [rating["rationale"] for rating in ratings]
        return {
            "instruction": instruction,
            "response": row["text"],
            "response_source": own_name(row["model"], self.name),
            "rubric": f"[{row['aspect']}]",
            "score": scores if len(scores) > 1 else scores[0],
            "feedback": feedback if len(scores) > 1 else feedback[0],
        }
