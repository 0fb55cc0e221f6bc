"""A dataset repository: Parquet by split and a dataset card. `datasets.load_dataset(FOLDER)` opens it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from jinja2 import Environment, PackageLoader, StrictUndefined

from warehouse.comparisons import Row
from warehouse.exporters import Count, Material, RowExporter
from warehouse.sheets import Parquet, Sheet
from warehouse.treated import COLUMNS, treated

KNOWN_LICENSES = {"apache-2.0", "mit", "cc0-1.0", "cc-by-4.0", "cc-by-sa-4.0", "cc-by-nc-4.0", "odc-by"}
"""Licences that the hub knows by these names; others are `other` in the card's header, and named in its text."""


class HuggingFace(RowExporter):
    """A dataset repository with a card: TRL preferences in Parquet, with margins, weights and where they come from.

    `{"prompt": [{"role": "user", ...}], "chosen": [...], "rejected": [...], "margin": 1.0, "weight": 1.0, ...}`
    """

    name = "hf"

    def row(self, row: Row, *, with_margin: bool) -> dict[str, Any]:
        return treated(row, with_margin=with_margin)

    def sheet(self, folder: Path, place: str) -> Sheet:
        (folder / "data").mkdir(exist_ok=True)
        return Parquet(folder / "data" / f"{place}-00000-of-00001.parquet", COLUMNS)

    def finish(self, material: Material, folder: Path, count: Count) -> None:
        (folder / "README.md").write_text(_card(material, count), encoding="utf-8")


def _card(material: Material, count: Count) -> str:
    sources = list(material.rows("version_licenses"))
    splits = [name for name in ("train", "test") if name in count.kept]
    header = {
        "license": _license(row["license"] for row in sources),
        "pretty_name": material.version.label,
        "size_categories": [_size(count.kept.total())],
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
        splits=[(name, count.kept[name]) for name in splits],
        sources=sources,
        funnel=count.funnel("pairs"),
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
