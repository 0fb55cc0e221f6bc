"""Runs: one row per finished stage of a run, with counts and time."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import version

import pyarrow as pa

from schemas.funnel import Funnel
from schemas.ids import canonical
from schemas.table import Table, column

RUNS = Table(
    name="runs",
    key=("run_id", "stage"),
    columns=pa.schema(
        [
            column("run_id", pa.string(), required=True),
            column("stage", pa.string(), required=True),
            column("recipe", pa.string(), required=True),
            column("funnel", pa.string(), required=True),
            column("calls_made", pa.int64(), required=True),
            column("calls_reused", pa.int64(), required=True),
            column("seconds", pa.float64(), required=True),
            column("code_version", pa.string(), required=True),
            column("finished_at", pa.timestamp("us"), required=True),
        ]
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class StageRun:
    """One finished stage: a row of `runs`. `recipe` and `funnel` are canonical JSON, `seconds` wall-clock time."""

    run_id: str
    stage: str
    recipe: str
    funnel: str
    calls_made: int
    calls_reused: int
    seconds: float
    code_version: str
    finished_at: datetime

    @classmethod
    def of(
        cls, run_id: str, funnel: Funnel, *, recipe: str, seconds: float, calls_made: int = 0, calls_reused: int = 0
    ) -> StageRun:
        """The stage that a funnel counts, finished now by the installed release."""
        return cls(
            run_id=run_id,
            stage=funnel.stage,
            recipe=recipe,
            funnel=canonical(asdict(funnel)),
            calls_made=calls_made,
            calls_reused=calls_reused,
            seconds=seconds,
            code_version=version("prefinery"),
            finished_at=datetime.now(UTC).replace(tzinfo=None),
        )
