"""AlpacaEval's annotations."""

from __future__ import annotations

from typing import Any, ClassVar

from warehouse.ballots import cast_vote, own_name
from warehouse.comparisons import LeftOut, Row, one_text
from warehouse.exporters import RowExporter

TIE = 1.5
SIGNS = {"first": -1, "second": 1}


class AlpacaEval(RowExporter):
    """AlpacaEval annotations of the comparisons of a version; `preference` is null where the annotator failed.

    A winner without a strength, or with one above 1, is preferred wholly. Why somebody prefers is not in the format,
    and whoever is not a person is an annotator by name. `output_1` was shown first.

    `{"instruction": "Hi", "output_1": "Hello!", "generator_1": "m", "output_2": "No.", "generator_2": "n",
    "is_switched_output_1_output_2": false, "annotator": "gpt-4", "annotator_index": null, "preference": 1.0,
    "vote_id": "..."}`
    """

    name = "alpaca_eval"
    query: ClassVar[str] = "version_votes"
    unit: ClassVar[str] = "votes"

    def row(self, row: Row, *, with_margin: bool) -> dict[str, Any]:  # noqa: ARG002
        cast_vote(row)
        who, is_person = own_name(row["annotator"], self.name), row["annotator_kind"] == "human"
        return {
            "dataset": row["source"],
            "instruction": one_text(row["prompt"]),
            "output_1": row["first"],
            "generator_1": row["first_model"],
            "output_2": row["second"],
            "generator_2": row["second_model"],
            "is_switched_output_1_output_2": False,
            "annotator": None if is_person else who,
            "annotator_index": who if is_person else None,
            "preference": _preference(row),
            "vote_id": row["vote_id"],
        }


def _preference(row: Row) -> float | None:
    """1 for the first, 2 for the second, between them for less than a whole preference, 1.5 for a tie."""
    if row["winner"] is None:
        return None
    if row["winner"] == "tie":
        return TIE
    strength = 1.0 if row["strength"] is None else min(row["strength"], 1.0)
    preference = TIE + SIGNS[row["winner"]] * strength / 2
    if preference == TIE:
        raise LeftOut("winner_by_nothing")
    return preference
