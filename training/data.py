"""Read an exported dataset version, and refuse one whose bytes or members are not what its manifest says."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from hashlib import blake2b, sha256
from pathlib import Path
from typing import TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pydantic import BaseModel, ConfigDict, ValidationError

from schemas.datasets import MANIFEST, PAIRS_FILE, TREATMENT, fingerprint
from schemas.errors import InputError, explain_settings

COLUMNS = (
    "pair_id", "prompt_id", "prompt", "chosen", "rejected_prompt", "rejected", "chosen_model", "rejected_model",
    "source", "split", "rule", "label_source", "margin", "weight", "soft_label",
)  # fmt: skip

SHARED = ("chosen_model", "rejected_model", "source", "split", "rule", "label_source")
"""Columns in which many pairs have the same text."""

RecordT = TypeVar("RecordT", bound=BaseModel)


class Manifest(BaseModel):
    """What an export says of itself. Keys that a later writer adds are ignored."""

    model_config = ConfigDict(frozen=True)

    dataset: str
    version: int
    fingerprint: str
    n_pairs: int
    files: dict[str, str]
    recipe: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """One dataset version, read and verified. `pairs` has the columns COLUMNS, one row per pair."""

    dataset: str
    version: int
    fingerprint: str
    pairs: pa.Table
    recipe: str = ""
    """JSON of the recipe that made the version, where the export has it"""

    @property
    def label(self) -> str:
        """`NAME@V`."""
        return f"{self.dataset}@{self.version}"

    def split(self, name: str) -> pa.Table:
        """The pairs of one split, `train` or `test`."""
        return self.pairs.filter(pc.field("split") == name)


def set_apart(pairs: pa.Table, share: float) -> tuple[pa.Table, pa.Table]:
    """The pairs to learn from, and those of `share` of the prompts, which a hash of the prompt's id chooses."""
    ids = pairs.column("prompt_id").to_pylist()
    hashes = [blake2b(one.encode(), digest_size=8, person=b"held out").digest() for one in ids]
    apart = np.array([int.from_bytes(one) < share * 2**64 for one in hashes], dtype=bool)
    return pairs.filter(~apart), pairs.filter(apart)


def read_version(folder: Path | str) -> Version:
    """The version in `folder`. Raises InputError when a file is absent, malformed or changed since the export."""
    folder = Path(folder)
    manifest = _manifest(folder / MANIFEST)
    pairs = _pairs(folder / PAIRS_FILE, manifest)
    return Version(**manifest.model_dump(include={"dataset", "version", "fingerprint", "recipe"}), pairs=pairs)


def read_records(path: Path, kind: type[RecordT]) -> list[RecordT]:
    """The lines of a JSON-lines file. Raises InputError when it cannot be read, or a line is no such record."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
        return [kind.model_validate_json(line) for line in lines]
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path} cannot be read: {error}") from error
    except ValidationError as error:
        raise InputError(f"{path}: {explain_settings(error)}") from error


def _manifest(path: Path) -> Manifest:
    if not path.is_file():
        raise InputError(f"{path} does not exist; name a folder that holds an exported dataset version.")
    try:
        return Manifest.model_validate_json(path.read_bytes())
    except ValidationError as error:
        raise InputError(f"{path} is no manifest of a dataset version: {explain_settings(error)}") from error


def _pairs(path: Path, manifest: Manifest) -> pa.Table:
    """The pairs of a file; bytes and members are checked while the texts are read."""
    if not path.is_file():
        raise InputError(f"{path} does not exist, but the manifest names it; export the version again.")
    content = pa.memory_map(str(path)).read_buffer()  # the bytes that are checked are those that are read, and no copy
    with ThreadPoolExecutor(2) as checks:
        digest = checks.submit(lambda: sha256(content).hexdigest())
        try:
            present = set(pq.read_schema(pa.BufferReader(content)).names)
            if missing := [name for name in COLUMNS if name not in present]:
                raise InputError(f"{path} lacks the column {missing[0]}; export the version again.")
            members = checks.submit(_members, content)
            texts = _as_texts(_read(content, [name for name in COLUMNS if name not in TREATMENT]))
            treatment, mark = members.result()
        except (pa.ArrowInvalid, OSError) as error:
            raise InputError(f"{path} is no Parquet file: {error}") from error
        finally:
            if digest.result() != manifest.files.get(PAIRS_FILE):
                raise InputError(f"{path} has changed since it was exported; export the version again.")
    if texts.num_rows != manifest.n_pairs:
        raise InputError(f"{path} has {texts.num_rows} pairs, but the manifest says {manifest.n_pairs}.")
    if mark != manifest.fingerprint:
        raise InputError(f"{path}: its members are not those of {manifest.dataset}@{manifest.version}.")
    return pa.table({name: (treatment if name in TREATMENT else texts).column(name) for name in COLUMNS})


def _members(content: pa.Buffer) -> tuple[pa.Table, str]:
    """The treatment of all pairs, and its fingerprint."""
    coded = _read(content, TREATMENT, use_threads=False)
    return _as_texts(coded), fingerprint(coded)


def _read(content: pa.Buffer, columns: Sequence[str], *, use_threads: bool = True) -> pa.Table:
    """Some columns; texts that many pairs share are read as codes, which is quicker than text by text."""
    return pq.read_table(
        pa.BufferReader(content),
        columns=list(columns),
        use_threads=use_threads,
        read_dictionary=[name for name in SHARED if name in columns],
    )


def _as_texts(coded: pa.Table) -> pa.Table:
    texts = {name: coded.column(name).cast(pa.string()) for name in coded.column_names if name in SHARED}
    return pa.table({**dict(zip(coded.column_names, coded.columns, strict=True)), **texts})
