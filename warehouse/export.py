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


def export_to(
    lake: Lake, version: DatasetVersion, place: str, exporter: Exporter, until: int | None = None
) -> Exported:
    """`export_folder`, or an upload where `place` is `hf://datasets/OWNER/NAME`."""
    if not place.startswith(HUB):
        return export_folder(lake, version, Path(place), exporter, until)
    with tempfile.TemporaryDirectory() as parent:
        made = export_folder(lake, version, Path(parent) / version.dataset, exporter, until)
        address = upload(Path(made.place), place.removeprefix(HUB), message=f"{version.label}: {version.message}")
        return Exported(place=address, funnel=made.funnel)
