import random
from pathlib import Path

import pytest

from tests.rows import draft, some_pairs
from warehouse.digests import data_files, seal, verify
from warehouse.lake import Lake
from warehouse.versions import publish


@pytest.fixture
def version(lake):
    return publish(lake, draft(some_pairs(lake, 50))).version


def paths(lake, version):
    return [Path(file.path) for file in data_files(lake, version.snapshot)]


def test_an_untouched_version_is_sound(lake, version):
    assert list(verify(lake, version)) == []
    assert seal(lake) == 0


def test_one_changed_byte_is_found_and_named(lake, version):
    """Any byte of any file, head and footer included."""
    rng = random.Random(3)
    for path in paths(lake, version):
        content = path.read_bytes()
        for place in (0, len(content) - 1, *rng.sample(range(len(content)), 5)):
            path.write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])
            (damage, *_) = verify(lake, version)
            assert damage.file == str(path)
            assert "other bytes" in damage.what
        path.write_bytes(content)
    assert list(verify(lake, version)) == []


def test_a_row_group_is_named(lake, version):
    file = next(path for path in paths(lake, version) if path.parent.name == "responses")
    content = file.read_bytes()
    file.write_bytes(content[:100] + bytes([content[100] ^ 255]) + content[101:])
    (damage,) = verify(lake, version)
    assert (damage.row_group, damage.what) == (0, "row group 0 has other bytes")


@pytest.mark.parametrize(
    "spoil", [Path.unlink, lambda path: path.write_bytes(b""), lambda path: path.write_bytes(path.read_bytes() + b"x")]
)
def test_a_file_that_is_gone_or_cut_is_named(lake, version, spoil):
    file = paths(lake, version)[0]
    spoil(file)
    assert next(verify(lake, version)).file == str(file)


def test_a_member_without_its_text_is_found(lake):
    pairs = some_pairs(lake, 3)
    version = publish(lake, draft(pairs)).version
    lake.con.execute("delete from responses where response_id = $id", {"id": pairs[0].chosen_id})
    lake.con.execute("update dataset_rows set weight = 2")
    found = [damage.what for damage in verify(lake, version)]
    assert any("lack their pair or a text" in what for what in found)
    assert any("are not those of" in what for what in found)


def test_a_warehouse_can_be_moved(lake, version, tmp_path):
    lake.con.close()
    moved = lake.folder.rename(tmp_path / "elsewhere")
    with Lake.open(moved) as opened:
        assert list(verify(opened, version)) == []
