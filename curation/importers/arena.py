"""Votes of a chat arena: a visitor compares the conversations of two anonymous models."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from curation.importers import Importer, Row
from curation.records import BadRow, Record, messages_of, text_of

WINNERS = {"model_a": 0, "model_b": 1, "tie": None, "tie (bothbad)": None, "both_bad": None}


class Arena(Importer):
    """Arena votes. Ties are kept, and `tie (bothbad)` is the justification of one; the last answers are compared.

    The visitor who votes is also the user who asked.

    `{"question_id": "q1", "model_a": "m", "model_b": "n", "winner": "model_a", "judge": "arena_user_1",
    "conversation_a": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello!"}],
    "conversation_b": [...]}`
    """

    name = "arena"
    license: ClassVar[str] = "CC-BY-4.0"
    id_column: ClassVar[str | None] = "question_id"

    def translate(self, record: Record) -> Iterator[Row]:
        winner = text_of(record, "winner")
        if winner not in WINNERS:
            raise BadRow("unknown_winner", winner)
        turns = [messages_of(record, f"conversation_{side}") for side in "ab"]
        if turns[0][:-1] != turns[1][:-1]:  # after the first answers, each model talks about its own
            raise BadRow("contexts_differ")
        if not all(side and side[-1]["role"] == "assistant" for side in turns):
            raise BadRow("no_answer")
        visitor = record.get("judge") or record.get("judge_hash")
        annotator = f"arena/{visitor or 'visitor'}"
        prompt = self.prompt(turns[0][:-1], user_id=annotator if visitor else None)
        yield prompt
        answers = [side[-1]["content"] for side in turns]
        sides = (
            self.response(prompt, text_of(record, "model_a"), answers[0]),
            self.response(prompt, text_of(record, "model_b"), answers[1]),
        )
        yield from sides
        yield self.vote(
            record,
            sides,
            WINNERS[winner],
            first=0,
            justification=winner if WINNERS[winner] is None and winner != "tie" else None,
            annotator=annotator,
            annotator_kind="human",
        )
