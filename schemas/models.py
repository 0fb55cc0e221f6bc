"""Models: every checkpoint with the data version that made it, and every measurement of one."""

from __future__ import annotations

import pyarrow as pa

from schemas.table import Table, column

MODELS = Table(
    name="models",
    key=("model_id",),
    columns=pa.schema(
        [
            column("model_id", pa.string(), required=True),
            column("kind", pa.string(), required=True),
            column("objective", pa.string(), required=True),
            column("base", pa.string(), required=True),
            column("base_revision", pa.string(), required=True),
            column("dataset", pa.string(), required=True),
            column("version", pa.int32(), required=True),
            column("fingerprint", pa.string(), required=True),
            column("settings", pa.string(), required=True),
            column("metrics", pa.string(), required=True),
            column("path", pa.string(), required=True),
            column("run_id", pa.string()),
            column("created_at", pa.timestamp("us"), required=True),
        ]
    ),
)

EVALUATIONS = Table(
    name="evaluations",
    key=("subject", "metric", "data", "n"),
    columns=pa.schema(
        [
            column("subject", pa.string(), required=True),
            column("metric", pa.string(), required=True),
            column("data", pa.string(), required=True),
            column("value", pa.float64(), required=True),
            column("low", pa.float64()),
            column("high", pa.float64()),
            column("n", pa.int64(), required=True),
            column("run_id", pa.string()),
        ]
    ),
)
