from dataclasses import replace

import pyarrow as pa

from schemas.datasets import TREATMENT
from tests.rows import draft, some_pairs
from tests.warehouse.exporters.conftest import comparisons, members
from warehouse.exporters import export_folder
from warehouse.exporters.datasets import Datasets
from warehouse.versions import publish


def test_a_version_comes_back_as_votes(source, bring, tmp_path):
    source.export(tmp_path / "out", "datasets")
    lake, done = bring(tmp_path / "out", "trl")
    assert comparisons(lake) == members(source)
    assert (done.funnel.read, done.funnel.dropped) == (6, {})


def test_datasets_opens_the_folder_with_both_splits(lake, tmp_path):
    from datasets import load_from_disk

    made = draft(some_pairs(lake, 12))
    splits = pa.array(["train"] * 9 + ["test"] * 3)
    changed = made.members.set_column(TREATMENT.index("split"), made.members.schema.field("split"), splits)
    version = publish(lake, replace(made, members=changed)).version
    export_folder(lake, version, tmp_path / "out", Datasets())
    loaded = load_from_disk(str(tmp_path / "out"))
    assert {name: split.num_rows for name, split in loaded.items()} == {"train": 9, "test": 3}
    assert loaded["train"][0]["chosen"] == [{"role": "assistant", "content": "good"}]
    assert not list((tmp_path / "out").glob("*.rows"))
