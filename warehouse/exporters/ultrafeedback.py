"""UltraFeedback's format: several completions of an instruction with ratings. It carries scores, not verdicts."""

from __future__ import annotations

from typing import Any, ClassVar

from warehouse.comparisons import LeftOut, Row, one_text
from warehouse.exporters import RowExporter
from warehouse.ratings import by_aspect, mean_on

ASPECTS = (1.0, 5.0)
OVERALL = (1.0, 10.0)
"""The format's scales; ratings on others are moved to them linearly."""


NO_ANSWER = "None"
"""What the format says where no answer is known."""


class UltraFeedback(RowExporter):
    """UltraFeedback rows as JSON lines: the rated responses of each prompt. Several ratings of an aspect are averaged.

    `{"instruction": "Hi", "correct_answers": ["None"], "incorrect_answers": ["None"], "completions": [{"model": "m",
    "response": "Hello!", "annotations": {"honesty": {"Rating": "5", "Rationale": "..."}}, "overall_score": 9.0,
    "critique": "...", "fine-grained_score": 5.0}]}`
    """

    name = "ultrafeedback"
    query: ClassVar[str] = "version_ratings"
    unit: ClassVar[str] = "prompts"

    def row(self, row: Row, *, with_margin: bool) -> dict[str, Any]:  # noqa: ARG002
        rated = [_completion(side) for side in row["completions"] if side["ratings"]]
        if len(rated) < 2:
            raise LeftOut("fewer_than_two_rated_responses")
        return {
            "source": row["source"],
            "instruction": one_text(row["prompt"]),
            "correct_answers": row["correct_answers"] or [NO_ANSWER],
            "incorrect_answers": row["incorrect_answers"] or [NO_ANSWER],
            "models": [side["model"] for side in rated],
            "completions": rated,
        }


def _completion(side: Row) -> dict[str, Any]:
    ratings = by_aspect(side["ratings"])
    overall = ratings.pop("overall", [])
    values = {aspect: mean_on(found, ASPECTS) for aspect, found in ratings.items()}
    rated = [value for value in values.values() if value is not None]
    return {
        "model": side["model"],
        "response": side["text"],
        "annotations": {
            aspect: {"Rating": "N/A" if value is None else f"{value:g}", "Rationale": _rationale(ratings[aspect])}
            for aspect, value in values.items()
        },
        "overall_score": mean_on(overall, OVERALL),
        "critique": _rationale(overall),
        "fine-grained_score": sum(rated) / len(rated) if rated else None,
    }


def _rationale(ratings: list[Row]) -> str:
    return "\n\n".join(r["rationale"] for r in ratings if r["rationale"])
