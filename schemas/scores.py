"""Scores: pointwise judgments, one row per (call, response, aspect, judge version)."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa

from schemas.ids import content_id
from schemas.table import Table, column

SCORES = Table(
    name="scores",
    key=("call_id", "response_id", "aspect", "judge_version"),
    order=("response_id",),
    columns=pa.schema(
        [
            column("call_id", pa.string(), required=True),
            column("response_id", pa.string(), required=True),
            column("judge", pa.string(), required=True),
            column("judge_version", pa.string(), required=True),
            column("aspect", pa.string(), required=True),
            column("value", pa.float64()),
            column("scale_lo", pa.float64(), required=True),
            column("scale_hi", pa.float64(), required=True),
            column("rationale", pa.string()),
            column("failure", pa.string()),
            column("run_id", pa.string()),
            column("types", pa.list_(pa.string())),
        ]
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """A rating of one response in one aspect. `value` None without a failure means that the aspect does not apply."""

    call_id: str
    response_id: str
    judge: str
    judge_version: str
    aspect: str
    value: float | None
    scale_lo: float
    scale_hi: float
    rationale: str | None = None
    failure: str | None = None
    run_id: str | None = None
    types: tuple[str, ...] | None = None
    """Kinds of fault or merit that the judge named before it rated."""

    @property
    def row_id(self) -> str:
        """Names the row among drops."""
        return content_id("score", self.call_id, self.response_id, self.aspect, self.judge_version)

    def __post_init__(self) -> None:
        if self.failure is not None and self.value is not None:
            raise ValueError(f"score of {self.response_id}: a failed judgment has no value")
        if self.value is not None and not self.scale_lo <= self.value <= self.scale_hi:
            raise ValueError(f"score of {self.response_id}: {self.value} is outside {self.scale_lo}..{self.scale_hi}")
