"""HelpSteer2's ratings."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

from warehouse.comparisons import LeftOut, Row
from warehouse.exporters import RowExporter
from warehouse.ratings import by_aspect, mean_on, short
from warehouse.transcripts import helpsteer2

ATTRIBUTES = ("helpfulness", "correctness", "coherence", "complexity", "verbosity")
SCALE = (0.0, 4.0)


class HelpSteer2(RowExporter):
    """HelpSteer2 ratings, one response a line: those that are rated in all five attributes.

    Several ratings of an attribute are averaged, those on other scales than 0 to 4 moved there. Who wrote a response,
    who rated it, and why, is not in the format.

    `{"prompt": "Hi", "response": "Hello!", "helpfulness": 4, "correctness": 4, "coherence": 4, "complexity": 1,
    "verbosity": 1}`
    """

    name = "helpsteer2"
    query: ClassVar[str] = "version_ratings"
    unit: ClassVar[str] = "responses"

    def parts(self, row: Row) -> Iterable[Row]:
        return [{**row, **side} for side in row["completions"]]

    def row(self, row: Row, *, with_margin: bool) -> dict[str, Any]:  # noqa: ARG002
        ratings = by_aspect(row["ratings"] or ())
        if not ratings.keys() >= set(ATTRIBUTES):
            raise LeftOut("not_rated_in_all_five_attributes")
        values = {attribute: short(mean_on(ratings[attribute], SCALE)) for attribute in ATTRIBUTES}
        return {"prompt": helpsteer2(row["prompt"]), "response": row["text"], **values}
