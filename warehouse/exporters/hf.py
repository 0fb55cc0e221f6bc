"""A dataset repository: Parquet by split and a dataset card. `datasets.load_dataset(FOLDER)` opens it."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import yaml
from jinja2 import Environment, PackageLoader, StrictUndefined

from schemas.datasets import DATASET_ROWS
from schemas.funnel import Funnel
from schemas.prompts import MESSAGES
from warehouse.comparisons import Row, comparison
from warehouse.exporters import Count, Material, RowExporter

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

BATCH_ROWS = 5_000
"""Rows of a row group."""

KNOWN_LICENSES = {"apache-2.0", "mit", "cc0-1.0", "cc-by-4.0", "cc-by-sa-4.0", "cc-by-nc-4.0", "odc-by"}
"""Licences that the hub knows by these names; others are `other` in the card's header, and named in its text."""


class HuggingFace(RowExporter):
    """A dataset repository with a card: TRL preferences in Parquet, with margins, weights and where they come from.

    `{"prompt": [{"role": "user", ...}], "chosen": [...], "rejected": [...], "margin": 1.0, "weight": 1.0, ...}`
    """

    name = "hf"

    def row(self, row: Row, *, with_margin: bool) -> dict[str, Any]:
        known = {name: row[name] for name in ("pair_id", "source", *KEPT)}
        return comparison(row, with_margin=with_margin) | known

    def write(self, material: Material, folder: Path) -> Funnel:
        (folder / "data").mkdir()
        count = Count()
        writers: dict[str, pq.ParquetWriter] = {}
        sizes: dict[str, int] = {}
        try:
            rows = self.translated(material, count)
            while batch := list(islice(rows, BATCH_ROWS)):
                for split in sorted({split for split, _ in batch}):
                    mine = [row for of, row in batch if of == split]
                    if split not in writers:
                        path = folder / "data" / f"{split}-00000-of-00001.parquet"
                        writers[split] = pq.ParquetWriter(path, COLUMNS, compression="zstd")
                    writers[split].write_table(pa.Table.from_pylist(mine, schema=COLUMNS))
                    sizes[split] = sizes.get(split, 0) + len(mine)
        finally:
            for writer in writers.values():
                writer.close()
        funnel = count.funnel(self.unit)
        (folder / "README.md").write_text(_card(material, funnel, sizes), encoding="utf-8")
        return funnel


def _card(material: Material, funnel: Funnel, sizes: dict[str, int]) -> str:
    sources = list(material.rows("version_licenses"))
    splits = [name for name in ("train", "test") if name in sizes]
    header = {
        "license": _license(row["license"] for row in sources),
        "pretty_name": material.version.label,
        "size_categories": [_size(funnel.kept)],
        "tags": ["preference", "dpo", "reward-model", "prefinery"],
        "configs": [
            {
                "config_name": "default",
                "data_files": [{"split": name, "path": f"data/{name}-*.parquet"} for name in splits],
            }
        ],
    }
    pages = Environment(loader=PackageLoader("warehouse.exporters", "."), undefined=StrictUndefined, autoescape=False)
    return pages.get_template("hf.md.jinja").render(
        header=yaml.safe_dump(header, sort_keys=False, allow_unicode=True),
        version=material.version,
        splits=[(name, sizes[name]) for name in splits],
        sources=sources,
        funnel=funnel,
    )


def _license(names: Iterator[str]) -> str:
    found = {name.lower() for name in names}
    (only,) = found if len(found) == 1 else ("other",)
    return only if only in KNOWN_LICENSES else "other"


def _size(rows: int) -> str:
    """The hub's word for a number of rows."""
    if rows < 1_000:
        return "n<1K"
    steps = ["1K", "10K", "100K", "1M", "10M", "100M", "1B", "10B"]
    place = min(len(str(rows)) - 4, len(steps) - 2)
    return f"{steps[place]}<n<{steps[place + 1]}"
