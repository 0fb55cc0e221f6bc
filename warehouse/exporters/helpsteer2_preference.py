"""HelpSteer2-Preference: signed strengths of preferences, with statements."""

from __future__ import annotations

from typing import Any

from warehouse.comparisons import LeftOut, Row
from warehouse.exporters import PeoplesVotes
from warehouse.transcripts import helpsteer2

STRENGTHS = (1.0, 2.0, 3.0)


class HelpSteer2Preference(PeoplesVotes):
    """HelpSteer2-Preference votes on the comparisons of a version: -3 to 3, below 0 where response 1 is better.

    Who wrote the responses, who voted and what was shown first is not in the format, and a winner needs a strength.

    `{"prompt": "Hi", "response_1": "Hello!", "response_2": "No.", "preference_strength": -2,
    "preference_statement": "...", "vote_id": "..."}`
    """

    name = "helpsteer2_preference"

    def vote(self, row: Row) -> dict[str, Any]:
        if row["first"] == row["second"]:
            raise LeftOut("answers_have_one_text")
        return {
            "prompt": helpsteer2(row["prompt"]),
            "response_1": row["first"],
            "response_2": row["second"],
            "preference_strength": _signed(row),
            "preference_statement": row["justification"],
            "vote_id": row["vote_id"],
        }


def _signed(row: Row) -> int:
    if row["winner"] == "tie":
        return 0
    if row["strength"] not in STRENGTHS:
        raise LeftOut("strength_is_not_1_2_or_3")
    return int(row["strength"]) * (-1 if row["winner"] == "first" else 1)
