from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from schemas.errors import InputError
from training.data import read_version


def test_a_version_carries_its_label_and_pairs(version_folder: Path, pairs: pa.Table) -> None:
    version = read_version(version_folder)
    assert version.label == "tiny@3"
    assert version.pairs.equals(pairs)
    assert version.split("train").num_rows == 32
    assert version.split("test").num_rows == 8


def test_one_changed_byte_is_refused(version_folder: Path) -> None:
    path = version_folder / "pairs.parquet"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"pairs\.parquet has changed"):
        read_version(version_folder)


def change(folder: Path, **fields: object) -> None:
    path = folder / "manifest.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | fields))


def test_other_members_than_the_fingerprint_says_are_refused(version_folder: Path) -> None:
    change(version_folder, fingerprint="0" * 32)
    with pytest.raises(InputError, match="members are not those of tiny@3"):
        read_version(version_folder)


def test_another_number_of_pairs_is_refused(version_folder: Path) -> None:
    change(version_folder, n_pairs=41)
    with pytest.raises(InputError, match="has 40 pairs, but the manifest says 41"):
        read_version(version_folder)


def test_a_manifest_with_a_later_key_is_read(version_folder: Path) -> None:
    change(version_folder, later="yes")
    assert read_version(version_folder).version == 3


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"dataset": 1}'])
def test_a_malformed_manifest_is_named(version_folder: Path, text: str) -> None:
    (version_folder / "manifest.json").write_text(text)
    with pytest.raises(InputError, match=r"manifest\.json is no manifest"):
        read_version(version_folder)


def test_an_empty_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"manifest\.json does not exist"):
        read_version(tmp_path)


def test_a_missing_column_is_named(version_folder: Path, pairs: pa.Table) -> None:
    from hashlib import sha256

    path = version_folder / "pairs.parquet"
    pq.write_table(pairs.drop_columns(["margin"]), path)
    change(version_folder, files={"pairs.parquet": sha256(path.read_bytes()).hexdigest()})
    with pytest.raises(InputError, match="lacks the column margin"):
        read_version(version_folder)
