"""Votes: pairwise judgments by people, models or reward models. a < b by id; `shown_first` keeps the order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import pyarrow as pa

from schemas.id_columns import Json, content_ids
from schemas.ids import content_id
from schemas.table import Table, column

Verdict = Literal["a", "b", "tie"]

VOTES = Table(
    name="votes",
    key=("vote_id",),
    order=("response_a", "response_b"),
    columns=pa.schema(
        [
            column("vote_id", pa.string(), required=True),
            column("prompt_id", pa.string(), required=True),
            column("response_a", pa.string(), required=True),
            column("response_b", pa.string(), required=True),
            column("shown_first", pa.string(), required=True),
            column("verdict", pa.string()),
            column("strength", pa.float64()),
            column("annotator", pa.string(), required=True),
            column("annotator_kind", pa.string(), required=True),
            column("annotator_version", pa.string()),
            column("justification", pa.string()),
            column("failure", pa.string()),
            column("call_id", pa.string()),
            column("source", pa.string(), required=True),
            column("run_id", pa.string()),
        ]
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Vote:
    """A verdict or a failure on two responses of one prompt, a < b by id.

    `strength` is at least 0: how much better the winner is, in the annotator's own steps.
    """

    vote_id: str
    prompt_id: str
    response_a: str
    response_b: str
    shown_first: str
    verdict: Verdict | None
    annotator: str
    annotator_kind: Literal["human", "ai", "rm", "unknown"]
    source: str
    strength: float | None = None
    annotator_version: str | None = None
    justification: str | None = None
    failure: str | None = None
    call_id: str | None = None
    run_id: str | None = None

    @property
    def row_id(self) -> str:
        """Names the row among drops."""
        return self.vote_id

    def __post_init__(self) -> None:
        if (self.verdict is None) == (self.failure is None):
            raise ValueError(f"vote {self.vote_id} needs a verdict or a failure, not both or neither")
        if not self.response_a < self.response_b:
            raise ValueError(f"vote {self.vote_id}: responses must be two different ids in order")

    @classmethod
    def of(
        cls, *, prompt_id: str, shown_first: str, shown_second: str, winner: str | None, record: str, **facts: object
    ) -> Vote:
        """A vote from the order shown and the winner's id (None for a tie, or with a `failure`).

        `record` names the act of voting (a call, or a line of a file), so that the same annotator may vote twice.
        """
        a, b = sorted((shown_first, shown_second))
        failed = facts.get("failure") is not None
        verdict: Verdict | None = None if failed else "tie" if winner is None else "a" if winner == a else "b"
        return cls(
            vote_id=vote_id_of(
                record, a, b, shown_first, facts.get("annotator"), facts.get("annotator_version"), verdict
            ),
            prompt_id=prompt_id,
            response_a=a,
            response_b=b,
            shown_first=shown_first,
            verdict=verdict,
            **facts,  # pyright: ignore[reportArgumentType]
        )


def vote_id_of(*parts: object) -> str:
    """Content id of a vote: record, response_a, response_b, shown_first, annotator, annotator_version, verdict."""
    return content_id("vote", *parts)


def vote_ids_of(*parts: Json | str | None) -> pa.StringArray:
    """`vote_id_of` of many votes: Json for each part, or what is the same in all votes."""
    return content_ids("vote", *parts)
