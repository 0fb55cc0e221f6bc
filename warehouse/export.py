"""Hand a version on: to a folder, in one of the formats of `warehouse/exporters`, or to a dataset hub."""

from __future__ import annotations

import tempfile
from pathlib import Path

from schemas.datasets import DatasetVersion
from warehouse.exporters import Exported, Exporter, export_folder
from warehouse.exporters.parquet import Parquet
from warehouse.hub import HUB, upload
from warehouse.lake import Lake


def export(lake: Lake, version: DatasetVersion, folder: Path) -> Path:
    """Write a version to `folder` as training reads it, replacing an older export there; whole or not at all."""
    export_folder(lake, version, folder, Parquet())
    return folder


def export_to(lake: Lake, version: DatasetVersion, place: str, exporter: Exporter) -> Exported:
    """Write a version to a folder, or upload it where `place` is `hf://datasets/OWNER/NAME`."""
    if not place.startswith(HUB):
        return export_folder(lake, version, Path(place), exporter)
    with tempfile.TemporaryDirectory() as parent:
        made = export_folder(lake, version, Path(parent) / version.dataset, exporter)
        address = upload(Path(made.place), place.removeprefix(HUB), message=f"{version.label}: {version.message}")
        return Exported(place=address, funnel=made.funnel)
