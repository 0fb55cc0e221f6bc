"""Dataset versions (`datasets`) and their members with treatment (`dataset_rows`).

A version is stored as its difference from its parent: `op` is `add` for a new or re-treated member, `remove` for one
that left. The members of version V are the last `add` of each pair among the versions up to V.
"""

# pyright: reportAttributeAccessIssue=false
# pyarrow.compute makes most of its functions at run time.
from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Literal

import pyarrow as pa
import pyarrow.compute as pc

from schemas.table import Table, column

DATASETS = Table(
    name="datasets",
    key=("dataset", "version"),
    columns=pa.schema(
        [
            column("dataset", pa.string(), required=True),
            column("version", pa.int32(), required=True),
            column("parent", pa.int32()),
            column("fingerprint", pa.string(), required=True),
            column("n_pairs", pa.int64(), required=True),
            column("n_added", pa.int64(), required=True),
            column("n_removed", pa.int64(), required=True),
            column("message", pa.string(), required=True),
            column("recipe", pa.string(), required=True),
            column("funnel", pa.string(), required=True),
            column("snapshot", pa.int64(), required=True),
            column("run_id", pa.string()),
            column("created_at", pa.timestamp("us"), required=True),
        ]
    ),
)

DATASET_ROWS = Table(
    name="dataset_rows",
    key=("dataset", "version", "pair_id"),
    columns=pa.schema(
        [
            column("dataset", pa.string(), required=True),
            column("version", pa.int32(), required=True),
            column("pair_id", pa.string(), required=True),
            column("op", pa.string(), required=True),
            column("split", pa.string()),
            column("rule", pa.string()),
            column("label_source", pa.string()),
            column("margin", pa.float64()),
            column("weight", pa.float64()),
            column("soft_label", pa.float64()),
        ]
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetVersion:
    """One published, immutable version: a row of `datasets`."""

    dataset: str
    version: int
    parent: int | None
    fingerprint: str
    n_pairs: int
    n_added: int
    n_removed: int
    message: str
    recipe: str
    funnel: str
    snapshot: int
    run_id: str | None
    created_at: datetime

    @property
    def label(self) -> str:
        """`NAME@V`."""
        return f"{self.dataset}@{self.version}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """A pair in a version, with its treatment. Training consumes these fields.

    margin: distance between the two sides, at least 0, in the label source's units, or None.
    weight: multiplies the pair's loss. soft_label: probability that chosen is better; 1 is a hard label.
    """

    pair_id: str
    split: Literal["train", "test"]
    rule: str
    label_source: str
    margin: float | None = None
    weight: float = 1.0
    soft_label: float = 1.0


PAIRS_FILE = "pairs.parquet"
MANIFEST = "manifest.json"
"""Files of an exported version: its pairs with their texts, and what their bytes must be."""

TREATMENT = ("pair_id", "split", "rule", "label_source", "margin", "weight", "soft_label")
"""The fields of a member, in the order in which the fingerprint reads them."""


FINGERPRINTS = 1 << 256
"""How many there are: they are added and subtracted modulo this."""


def fingerprint(members: pa.Table) -> str:
    """Sum of the digests of the members' TREATMENT columns, 64 hex digits.

    The same members give the same text anywhere, whatever their order, and a change of some members costs no look at
    the others. It finds damage and mistakes; against forgery stand the digests of the files.
    """
    return f"{_sum(members):064x}"


def fingerprint_after(parent: str, *, withdrawn: pa.Table, added: pa.Table) -> str:
    """The fingerprint once members of `parent` are withdrawn, with their old treatment, and others are added."""
    return f"{(int(parent, 16) - _sum(withdrawn) + _sum(added)) % FINGERPRINTS:064x}"


def _sum(members: pa.Table) -> int:
    cells = [pc.fill_null(pc.cast(members.column(name), pa.large_string()), "\x00") for name in TREATMENT]
    lines = pc.binary_join_element_wise(*cells, pa.scalar("\x1f", pa.large_string()))
    read = int.from_bytes
    return sum(read(sha256(line).digest()) for line in pc.cast(lines, pa.large_binary()).to_pylist()) % FINGERPRINTS
