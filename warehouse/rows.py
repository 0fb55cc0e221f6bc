"""Rows for notebooks: an answer or a version as Arrow, Polars or a Hugging Face dataset."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from warehouse.lake import Lake
from warehouse.versions import find_version, members

if TYPE_CHECKING:
    import datasets
    import polars as pl


@dataclass(frozen=True, slots=True)
class Rows:
    """An Arrow table and its other faces, which share its memory.

    Polars keeps texts behind views: it makes the views, and copies the texts of up to 12 bytes into them.
    """

    arrow: pa.Table

    def __len__(self) -> int:
        return self.arrow.num_rows

    def pl(self) -> pl.DataFrame:
        """The rows as a Polars frame."""
        import polars as pl

        return pl.DataFrame(pl.from_arrow(self.arrow, rechunk=False))

    def dataset(self) -> datasets.Dataset:
        """The rows as a Hugging Face dataset."""
        from datasets import Dataset
        from datasets.table import InMemoryTable

        return Dataset(InMemoryTable(self.arrow))

    def to_pylist(self) -> list[dict[str, Any]]:
        """The rows as mappings."""
        return self.arrow.to_pylist()


def read_version(lake: Lake, label: str) -> Rows:
    """The pairs of version `NAME@V` with their texts and treatment, as training reads them."""
    version = find_version(lake, label)
    return Rows(lake.ask("version_pairs", treated=members(lake, version.dataset, version.version)))
