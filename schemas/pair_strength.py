"""Preference strength: what voters make of a version's pairs, and what a policy makes of that (arXiv:2401.06080)."""

from __future__ import annotations

from typing import Literal, get_args

import pyarrow as pa

from schemas.table import Table, column

Treatment = Literal["keep", "flip", "soft", "margin", "drop"]
"""keep: as it was. flip: the other side is chosen. soft: a label of less than 1. margin: a distance to reach. drop: the
pair leaves."""
TREATMENTS: tuple[str, ...] = get_args(Treatment)

PAIR_STRENGTH = Table(
    name="pair_strength",
    key=("panel", "policy", "pair_id"),
    order=("pair_id",),
    columns=pa.schema(
        [
            column("panel", pa.string(), required=True),  # hash of the version's members and of all that voted
            column("policy", pa.string(), required=True),  # hash of what turned rewards into treatments
            column("pair_id", pa.string(), required=True),
            column("dataset", pa.string(), required=True),
            column("version", pa.int32(), required=True),
            column("voters", pa.list_(pa.string()), required=True),
            column("chosen", pa.list_(pa.float64()), required=True),  # every voter's raw reward; NULL: it did not vote
            column("rejected", pa.list_(pa.float64()), required=True),
            column("mu", pa.float64(), required=True),
            column("sigma", pa.float64(), required=True),
            column("percentile", pa.float64(), required=True),
            column("confidence", pa.float64()),
            column("treatment", pa.string(), required=True),
            column("treated_id", pa.string()),  # the pair in its place: the flipped one, or itself; NULL when dropped
            column("soft_label", pa.float64(), required=True),
            column("margin", pa.float64()),
            column("run_id", pa.string()),
        ]
    ),
)
