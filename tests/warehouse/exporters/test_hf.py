from dataclasses import replace

import pyarrow as pa
import pytest
import yaml

from schemas.datasets import TREATMENT
from tests.rows import draft, some_pairs
from tests.warehouse.exporters.conftest import comparisons, members
from warehouse.exporters import export_folder
from warehouse.exporters.hf import HuggingFace, _size
from warehouse.versions import publish


@pytest.fixture
def split_version(lake):
    """Twelve pairs, the last three of them held out."""
    made = draft(some_pairs(lake, 12))
    splits = pa.array(["train"] * 9 + ["test"] * 3)
    changed = made.members.set_column(TREATMENT.index("split"), made.members.schema.field("split"), splits)
    return publish(lake, replace(made, members=changed)).version


def test_datasets_opens_both_splits(lake, split_version, tmp_path):
    from datasets import load_dataset

    export_folder(lake, split_version, tmp_path / "out", HuggingFace())
    loaded = load_dataset(str(tmp_path / "out"), cache_dir=str(tmp_path / "cache"))
    assert {name: split.num_rows for name, split in loaded.items()} == {"train": 9, "test": 3}
    first = loaded["train"][0]
    assert first["chosen"] == [{"role": "assistant", "content": "good"}]
    assert first["margin"] == 1.0


def test_the_card_names_splits_licence_and_fingerprint(source, tmp_path):
    source.export(tmp_path / "out", "hf")
    _, header, text = (tmp_path / "out" / "README.md").read_text().split("---\n", 2)
    facts = yaml.safe_load(header)
    assert facts["license"] == "mit"
    assert facts["configs"][0]["data_files"] == [{"split": "train", "path": "data/train-*.parquet"}]
    assert facts["size_categories"] == ["n<1K"]
    assert source.version.fingerprint in text
    assert "| hand | MIT | 6 |" in text


@pytest.mark.parametrize(
    ("rows", "word"),
    [(1, "n<1K"), (999, "n<1K"), (1_000, "1K<n<10K"), (99_999, "10K<n<100K"), (3_000_000_000, "1B<n<10B")],
)
def test_the_size_is_the_hubs_word(rows, word):
    assert _size(rows) == word


def test_a_version_comes_back_as_votes(source, bring, tmp_path):
    source.export(tmp_path / "out", "hf")
    lake, done = bring(tmp_path / "out", "trl")
    assert comparisons(lake) == members(source)
    assert done.funnel.read == 6


def test_a_saved_dataset_comes_back_as_votes(source, bring, tmp_path):
    """What `datasets` saves to disk is read like any folder, splits and all."""
    from datasets import load_dataset

    source.export(tmp_path / "out", "hf")
    load_dataset(str(tmp_path / "out"), cache_dir=str(tmp_path / "cache")).save_to_disk(str(tmp_path / "saved"))
    lake, done = bring(tmp_path / "saved", "trl")
    assert comparisons(lake) == members(source)
    assert done.funnel.read == 6
