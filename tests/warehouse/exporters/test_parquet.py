import pytest

from schemas.errors import InputError
from training.data import read_version


def test_it_is_what_training_reads(source, tmp_path):
    source.export(tmp_path / "out", "parquet")
    read = read_version(tmp_path / "out")
    assert (read.label, read.fingerprint, read.pairs.num_rows) == ("hand@1", source.version.fingerprint, 6)
    assert set(read.pairs.column("margin").to_pylist()) == {2.0}


def test_a_changed_file_is_refused(source, tmp_path):
    source.export(tmp_path / "out", "parquet")
    with (tmp_path / "out" / "pairs.parquet").open("ab") as file:
        file.write(b"x")
    with pytest.raises(InputError, match="changed since it was exported"):
        read_version(tmp_path / "out")
