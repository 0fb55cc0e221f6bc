import json
import os
import random
from pathlib import Path
from urllib.request import Request, urlopen

import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from flows.__main__ import app
from schemas.errors import UnknownVersion, WarehouseError
from schemas.prompts import PROMPTS
from tests.rows import draft, some_pairs, some_prompts
from tests.servers import s3
from warehouse.digests import GONE, data_files, seal, verify
from warehouse.lake import Lake
from warehouse.versions import damages, find_version, publish, versions


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


def test_the_right_row_group_is_named(lake):
    """DuckLake writes 8,192 rows to a group."""
    prompts = some_prompts(20_000)
    lake.append((PROMPTS, PROMPTS.rows(prompts)))
    version = publish(lake, draft(some_pairs(lake, 1))).version
    file = max(paths(lake, version), key=lambda path: path.stat().st_size)
    layout = pq.read_metadata(file)
    assert layout.num_row_groups > 2
    content = file.read_bytes()
    for number in range(layout.num_row_groups):
        place = layout.row_group(number).column(1).data_page_offset + 10
        file.write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])
        (damage,) = verify(lake, version)
        assert (damage.file, damage.row_group) == (str(file), number)


@pytest.mark.parametrize("spoil", [Path.unlink, lambda path: path.write_bytes(path.read_bytes()[:-20] + bytes(20))])
def test_the_command_names_the_file_whatever_table_it_is_of(lake, version, spoil):
    """Also where it is the list of the versions that cannot be read, or that of the digests."""
    listed = "select data_file from ducklake_list_files('lake', $table)"
    tables = {path.parent.name for path in paths(lake, version)} | {"files"}
    assert tables == {"prompts", "responses", "pairs", "dataset_rows", "datasets", "files"}
    for table in sorted(tables):
        file = Path(lake.con.execute(listed, {"table": table}).fetchone()[0])
        content = file.read_bytes()
        spoil(file)
        done = CliRunner().invoke(app, ["verify", "hand@1", "-w", str(lake.folder), "--format", "json"])
        assert isinstance(done.exception, WarehouseError), (table, done.exception)
        assert str(file) in {row["file"] for row in json.loads(done.stdout)}, table
        file.write_bytes(content)
    done = CliRunner().invoke(app, ["verify", "hand@1", "-w", str(lake.folder), "--format", "json"])
    assert (done.exit_code, json.loads(done.stdout)) == (0, [])


def test_a_list_of_versions_that_cannot_be_read_is_one_sentence(lake, version):
    file = next(path for path in paths(lake, version) if path.parent.name == "datasets")
    file.unlink()
    with Lake.open(lake.folder, read_only=True) as reader, pytest.raises(WarehouseError, match="are damaged") as told:
        versions(reader)
    assert str(file) in str(told.value)
    with pytest.raises(WarehouseError, match="are damaged"):
        find_version(lake, "hand@1")


def test_a_version_that_is_none_is_no_damage(lake, version):
    with pytest.raises(UnknownVersion):
        list(damages(lake, "hand@2"))


def test_a_changed_byte_is_found_in_s3(tmp_path, bucket):
    with Lake.create(tmp_path / "warehouse", data=bucket) as lake:
        publish(lake, draft(some_pairs(lake, 50)))
        assert list(damages(lake, "hand@1")) == []
        for file in data_files(lake):
            content = _object(file.path, "GET")
            for place in (len(content) // 3, len(content) - 1):
                changed = content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :]
                _object(file.path, "PUT", changed)
                (damage, *_) = damages(lake, "hand@1")
                assert damage.file == file.path
                assert "other bytes" in damage.what
            _object(file.path, "PUT", content)
        _object(file.path, "DELETE")
        assert [damage.what for damage in damages(lake, "hand@1")] == [GONE]


def _object(path, method, data=None):
    """The tests' server looks for a key, and not whether the signature is right."""
    key = f"AWS4-HMAC-SHA256 Credential={s3.KEYS['AWS_ACCESS_KEY_ID']}/20260101/us-east-1/s3/aws4_request"
    headers = {
        "Authorization": f"{key}, SignedHeaders=host, Signature=0",
        "Content-Type": "application/octet-stream",
    }
    address = f"{os.environ['AWS_ENDPOINT_URL']}/{path.removeprefix('s3://')}"
    with urlopen(Request(address, data, headers, method=method), timeout=30) as reply:
        return reply.read()


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
