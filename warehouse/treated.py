"""A pair with all that a version says of it, as a row of columns that `datasets` opens."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from schemas.datasets import DATASET_ROWS
from schemas.prompts import MESSAGES
from warehouse.comparisons import Row, comparison

KEPT = ("rule", "label_source", "margin", "weight", "soft_label")
"""Treatment that the rows keep beside the comparison."""

COLUMNS = pa.schema(
    [
        pa.field("pair_id", pa.string()),
        pa.field("prompt", MESSAGES),
        pa.field("chosen", MESSAGES),
        pa.field("rejected", MESSAGES),
        pa.field("chosen_model", pa.string()),
        pa.field("rejected_model", pa.string()),
        pa.field("source", pa.string()),
        *(DATASET_ROWS.columns.field(name) for name in KEPT),
    ]
)


def treated(row: Row, *, with_margin: bool) -> dict[str, Any]:
    """The row of a pair. Raises LeftOut for sides under two prompts."""
    known = {name: row[name] for name in ("pair_id", "source", *KEPT)}
    return comparison(row, with_margin=with_margin) | known
