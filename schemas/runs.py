"""Runs: one row per finished stage of a run, with counts and time."""

from __future__ import annotations

import pyarrow as pa

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
