import json

import pytest

from curation.folders import record_files
from curation.readers import SUFFIXES
from schemas.errors import InputError


def names(folder):
    return [path.relative_to(folder).as_posix() for path in record_files([folder], SUFFIXES)]


def touch(folder, *paths):
    for path in paths:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text("{}")


def test_loose_files_are_found_and_bookkeeping_is_not(tmp_path):
    touch(tmp_path, "b.jsonl", "a.csv", "c.json.gz", "README.md", ".hidden.jsonl", "manifest.json", "deeper/x.jsonl")
    assert names(tmp_path) == ["a.csv", "b.jsonl", "c.json.gz"]


def test_a_dataset_repository_has_its_files_in_data(tmp_path):
    touch(tmp_path, "README.md", "dataset_infos.json", "data/train-00000-of-00001.parquet", "data/test.parquet")
    assert names(tmp_path) == ["data/test.parquet", "data/train-00000-of-00001.parquet"]


def test_a_folder_without_files_of_its_own_has_them_one_folder_deeper(tmp_path):
    touch(tmp_path, "m/model_outputs.json", "k/model_outputs.json", ".cache/x.json", "README.md", "m/deeper/x.json")
    assert names(tmp_path) == ["k/model_outputs.json", "m/model_outputs.json"]


def test_a_saved_dataset_names_its_files(tmp_path):
    from datasets import Dataset, DatasetDict

    one = Dataset.from_dict({"prompt": ["a", "b"]})
    one.save_to_disk(str(tmp_path / "one"), num_shards=2)
    DatasetDict(train=one, test=one).save_to_disk(str(tmp_path / "both"))
    assert names(tmp_path / "one") == ["data-00000-of-00002.arrow", "data-00001-of-00002.arrow"]
    assert names(tmp_path / "both") == ["train/data-00000-of-00001.arrow", "test/data-00000-of-00001.arrow"]


def test_a_damaged_list_of_files_is_one_sentence(tmp_path):
    (tmp_path / "state.json").write_text("{}")
    with pytest.raises(InputError, match="does not list _data_files"):
        names(tmp_path)


def test_a_list_cannot_name_a_file_elsewhere(tmp_path):
    (tmp_path / "state.json").write_text(json.dumps({"_data_files": [{"filename": "../../etc/secret.arrow"}]}))
    with pytest.raises(InputError, match="save the dataset again"):
        record_files([tmp_path], SUFFIXES)
    touch(tmp_path, "secret.arrow")
    assert record_files([tmp_path], SUFFIXES) == [tmp_path / "secret.arrow"]
