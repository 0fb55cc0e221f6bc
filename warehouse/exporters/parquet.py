"""Our own format: one Parquet file with all that training needs."""

from __future__ import annotations

from pathlib import Path

import pyarrow.parquet as pq

from schemas.datasets import PAIRS_FILE
from schemas.errors import WarehouseError
from schemas.funnel import Funnel
from warehouse.exporters import Exporter, Material

QUERY = "version_pairs"


class Parquet(Exporter):
    """All of a version in `pairs.parquet`: texts, treatment, splits. `prefinery train` reads it anywhere."""

    name = "parquet"

    def write(self, material: Material, folder: Path) -> Funnel:
        written = 0
        with pq.ParquetWriter(folder / PAIRS_FILE, material.schema(QUERY), compression="zstd") as file:
            for batch in material.batches(QUERY):
                file.write_batch(batch)
                written += batch.num_rows
        version = material.version
        if written != version.n_pairs:
            raise WarehouseError(f"{version.label} has {version.n_pairs} pairs, but {written} have texts.")
        return Funnel(stage="export", unit="pairs", read=written, kept=written)
