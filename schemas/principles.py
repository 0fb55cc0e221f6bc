"""Principles: what somebody's feedback on one response says about a named quality, with the words that say it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import pyarrow as pa

from schemas.ids import content_id
from schemas.table import Table, column

Met = Literal["yes", "no", "partially"]
"""Whether the response meets the principle."""
MET: tuple[str, ...] = get_args(Met)

PRINCIPLES = Table(
    name="principles",
    key=("principle_id", "checked_by"),
    order=("response_id",),
    columns=pa.schema(
        [
            column("principle_id", pa.string(), required=True),
            column("prompt_id", pa.string(), required=True),
            column("response_id", pa.string(), required=True),
            column("annotator", pa.string(), required=True),
            column("principle", pa.string(), required=True),
            column("label", pa.string(), required=True),
            column("spans", pa.list_(pa.string()), required=True),
            column("span_score", pa.float64()),
            column("cluster", pa.string()),
            column("kept", pa.bool_(), required=True),
            column("reason", pa.string()),
            column("checked_by", pa.string(), required=True),
            column("call_id", pa.string()),
            column("run_id", pa.string()),
        ]
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Principle:
    """One annotator's yes, no or partially on one quality of one response (arXiv 2509.21319).

    span_score: 0 to 100, how well the worst of `spans` matches the feedback. cluster: the name that stands for all
    names of the same meaning. `reason` says why a principle was not kept; checked_by names what decided that.
    """

    principle_id: str
    prompt_id: str
    response_id: str
    annotator: str
    principle: str
    label: Met
    spans: tuple[str, ...]
    span_score: float | None = None
    cluster: str | None = None
    kept: bool = True
    reason: str | None = None
    checked_by: str = ""
    call_id: str | None = None
    run_id: str | None = None

    @classmethod
    def of(
        cls, prompt_id: str, response_id: str, annotator: str, principle: str, label: Met, **facts: object
    ) -> Principle:
        """A principle named by who says what of which response."""
        return cls(
            principle_id=content_id("principle", response_id, annotator, principle, label),
            prompt_id=prompt_id,
            response_id=response_id,
            annotator=annotator,
            principle=principle,
            label=label,
            **facts,  # pyright: ignore[reportArgumentType]
        )
