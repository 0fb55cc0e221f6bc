"""A folder that `datasets.load_from_disk` opens."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from warehouse.comparisons import Row
from warehouse.exporters import Count, Material, RowExporter
from warehouse.sheets import ArrowStream, Sheet
from warehouse.treated import COLUMNS, treated


class Datasets(RowExporter):
    """What `datasets` saves to disk: TRL preferences by split, with margins, weights and where they come from.

    `{"prompt": [{"role": "user", ...}], "chosen": [...], "rejected": [...], "margin": 1.0, "weight": 1.0, ...}`
    """

    name = "datasets"

    def row(self, row: Row, *, with_margin: bool) -> dict[str, Any]:
        return treated(row, with_margin=with_margin)

    def sheet(self, folder: Path, place: str) -> Sheet:
        return ArrowStream(_stream(folder, place), COLUMNS)

    def finish(self, material: Material, folder: Path, count: Count) -> None:
        """Have `datasets` save the splits; rows stay on disk meanwhile."""
        from datasets import Dataset, DatasetDict, NamedSplit
        from datasets.table import MemoryMappedTable
        from datasets.utils.logging import disable_progress_bar

        disable_progress_bar()
        name = material.version.fingerprint
        splits: dict[str | NamedSplit, Dataset] = {
            split: Dataset(
                MemoryMappedTable.from_file(str(_stream(folder, split))),
                split=NamedSplit(split),
                fingerprint=f"{name}-{split}",  # its own would be another one each time
            )
            for split in sorted(count.kept)
        }
        DatasetDict(splits).save_to_disk(str(folder))
        for split in count.kept:
            _stream(folder, split).unlink()


def _stream(folder: Path, split: str) -> Path:
    return folder / f"{split}.rows"
