"""Votes of a chat arena."""

from __future__ import annotations

from typing import Any

from warehouse.ballots import own_name
from warehouse.comparisons import Row, answer
from warehouse.exporters import PeoplesVotes

WINNERS = {"first": "model_a", "second": "model_b", "tie": "tie"}
NEITHER = ("tie (bothbad)", "both_bad")
"""Ties whose reader keeps them as a justification."""


class Arena(PeoplesVotes):
    """Arena votes on the comparisons of a version, ties too; `model_a` was shown first.

    The format has no strength, and no reason but that both are bad.

    `{"question_id": "q1", "model_a": "m", "model_b": "n", "winner": "model_a", "judge": "arena_user_1",
    "conversation_a": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello!"}],
    "conversation_b": [...]}`
    """

    name = "arena"

    def vote(self, row: Row) -> dict[str, Any]:
        tie = row["justification"] if row["justification"] in NEITHER else "tie"
        return {
            "question_id": row["vote_id"],
            "model_a": row["first_model"],
            "model_b": row["second_model"],
            "winner": tie if row["winner"] == "tie" else WINNERS[row["winner"]],
            "judge": own_name(row["annotator"], self.name),
            "conversation_a": row["prompt"] + answer(row["first"]),
            "conversation_b": row["prompt"] + answer(row["second"]),
        }
