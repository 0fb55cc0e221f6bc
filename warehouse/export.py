"""Hand a version on: a folder with `pairs.parquet` and a manifest that names its bytes."""

from __future__ import annotations

import json
from hashlib import blake2b
from pathlib import Path

import pyarrow.parquet as pq

from schemas.datasets import MANIFEST, PAIRS_FILE, DatasetVersion
from schemas.errors import WarehouseError
from schemas.folder import whole_folder
from schemas.ids import ID_BYTES
from warehouse.lake import Lake
from warehouse.versions import members


def export(lake: Lake, version: DatasetVersion, folder: Path) -> Path:
    """Write a version to `folder`, replacing an older export there; whole or not at all.

    The folder is all that training needs: texts, treatment, splits and the fingerprint.
    """
    rows = lake.ask("version_pairs", treated=members(lake, version.dataset, version.version))
    if rows.num_rows != version.n_pairs:
        raise WarehouseError(f"{version.label} has {version.n_pairs} pairs, but {rows.num_rows} have texts.")
    if folder.exists() and not (folder / MANIFEST).exists() and any(folder.iterdir()):
        raise WarehouseError(f"{folder} holds something else than an export; name another folder.")
    with whole_folder(folder) as draft:
        pq.write_table(rows, draft / PAIRS_FILE, compression="zstd")
        manifest = {
            "dataset": version.dataset,
            "version": version.version,
            "fingerprint": version.fingerprint,
            "n_pairs": version.n_pairs,
            "files": {PAIRS_FILE: blake2b((draft / PAIRS_FILE).read_bytes(), digest_size=ID_BYTES).hexdigest()},
        }
        (draft / MANIFEST).write_text(json.dumps(manifest, indent=2) + "\n", encoding="utf-8")
    return folder
