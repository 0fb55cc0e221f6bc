"""Which files of a folder hold records: loose, one folder deeper, saved by `datasets`, or of a dataset repository."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from curation.readers import suffix_of
from schemas.datasets import MANIFEST
from schemas.errors import InputError

SPLITS = "dataset_dict.json"
STATE = "state.json"
"""What `datasets` writes into a saved folder: the names of its splits, and the files of one of them."""

NOT_RECORDS = {SPLITS, STATE, MANIFEST, "dataset_info.json", "dataset_infos.json"}


def record_files(paths: Sequence[Path], suffixes: Sequence[str]) -> list[Path]:
    """The files among `paths` and in its folders. Raises InputError when a path is absent or a folder holds none."""
    found: list[Path] = []
    for path in paths:
        if path.is_dir():
            inside = _inside(path, suffixes)
            if not inside:
                raise InputError(f"{path} holds no {' or '.join(suffixes)} file.")
            found.extend(inside)
        elif path.is_file():
            found.append(path)
        else:
            raise InputError(f"{path} does not exist; give a file or a folder.")
    return found


def _inside(folder: Path, suffixes: Sequence[str]) -> list[Path]:
    if (folder / SPLITS).is_file():
        names = _names(folder / SPLITS, "splits")
        return [file for name in names for file in _inside(folder / Path(name).name, suffixes)]
    if (folder / STATE).is_file():
        files = [folder / Path(entry["filename"]).name for entry in _names(folder / STATE, "_data_files")]
        if absent := [file for file in files if not file.is_file()]:
            raise InputError(f"{absent[0]} does not exist, but {folder / STATE} names it; save the dataset again.")
        return files
    places = [folder, folder / "data"]  # a dataset repository keeps its files in `data`
    apart = [place for place in sorted(folder.iterdir()) if not place.name.startswith(".")]  # one for each model, say
    return _records(places, suffixes) or _records(apart, suffixes)


def _records(folders: Sequence[Path], suffixes: Sequence[str]) -> list[Path]:
    inside = [file for folder in folders if folder.is_dir() for file in sorted(folder.iterdir())]
    return [file for file in inside if file.is_file() and _is_records(file, suffixes)]


def _is_records(file: Path, suffixes: Sequence[str]) -> bool:
    return file.name not in NOT_RECORDS and not file.name.startswith(".") and suffix_of(file) in suffixes


def _names(path: Path, key: str) -> list[Any]:
    try:
        return list(json.loads(path.read_bytes())[key])
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path} does not list {key}; save the dataset again.") from error
