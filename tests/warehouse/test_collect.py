"""Compaction and collection change what lies on disk, and nothing that anybody reads."""

import json
import shutil
import subprocess
import sys
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import duckdb
import pytest
from typer.testing import CliRunner

from flows.__main__ import app
from schemas.errors import WarehouseError
from schemas.prompts import PROMPTS
from tests.rows import draft, some_pairs, some_prompts
from warehouse.collect import Garbage, collect, compact, garbage
from warehouse.digests import data_files, verify
from warehouse.lake import Lake
from warehouse.readonly import query
from warehouse.tables import all_tables
from warehouse.versions import publish, versions

NOW = timedelta(0)
TEXTS = "select pair_id, chosen_id, text from pairs join responses on chosen_id = response_id order by pair_id"


@pytest.fixture(scope="module")
def twelve(tmp_path_factory, empty_warehouse):
    """Twelve versions, each a commit of several small files, with a commit of no version between them."""
    folder = shutil.copytree(empty_warehouse, tmp_path_factory.mktemp("twelve") / "warehouse")
    with Lake.open(folder) as lake:
        pairs = some_pairs(lake, 12)
        for number in range(1, 13):
            lake.append((PROMPTS, PROMPTS.rows([replace(p, prompt_id=f"x{number}") for p in some_prompts(1)])))
            publish(lake, draft(pairs[:number]))
    return folder


@pytest.fixture
def many(twelve, tmp_path):
    """A copy of them."""
    with Lake.open(shutil.copytree(twelve, tmp_path / "warehouse")) as lake:
        yield lake


def read_all(lake):
    return {version.label: query(lake.folder, TEXTS, at=version.label).to_pylist() for version in versions(lake)}


def test_every_version_reads_the_same_after_compaction_and_collection(many):
    before = read_all(many)
    there, left = compact(many)
    assert left < there / 3
    found = garbage(many, NOW)
    assert len(found.replaced) > there / 2
    assert found.n_bytes > 0
    assert found.snapshots
    collect(many, found)
    assert all(not Path(path).exists() for path in found.replaced)
    assert read_all(many) == before
    for version in versions(many):
        assert list(verify(many, version)) == []
    after = garbage(many, NOW)
    assert (after.replaced, after.orphans) == ((), ())


def test_a_snapshot_has_the_files_that_ducklake_names(many):
    """Before and after a compaction, whose files hold the rows of many snapshots, and among those that are left."""
    assert len(_snapshots(many)) > 24
    filled = [table for table in all_tables() if data_files(many, None, table)]
    assert len(filled) > 3
    for change in (lambda: None, lambda: compact(many), lambda: collect(many, garbage(many, NOW))):
        change()
        for snapshot in [None, *_snapshots(many)]:
            for table in filled if snapshot else all_tables():
                found = {file.path for file in data_files(many, snapshot, table)}
                assert found == _named(many, table.name, snapshot), (table.name, snapshot)
    assert len(_snapshots(many)) < 24


def _snapshots(lake):
    found = lake.con.execute("select snapshot_id from ducklake_snapshots('lake') order by all").fetchall()
    return [snapshot for (snapshot,) in found]


def _named(lake, table, snapshot):
    at = "" if snapshot is None else f", snapshot_version => {snapshot}"
    try:
        rows = lake.con.execute(f"select data_file from ducklake_list_files('lake', '{table}'{at})").fetchall()
    except duckdb.CatalogException:  # the snapshot is older than the table
        return set()
    return {path for (path,) in rows}


def test_what_a_reader_may_still_read_is_left_alone(many):
    compact(many)
    assert garbage(many) == Garbage(snapshots=(), replaced=(), orphans=())


def test_an_orphan_is_found_and_goes(many):
    orphan = Path(data_files(many)[0].path).with_name("left-by-a-killed-writer.parquet")
    orphan.write_bytes(b"half a file")
    found = garbage(many, NOW)
    assert [Path(path).name for path in found.orphans] == [orphan.name]
    collect(many, found)
    assert not orphan.exists()


def test_what_was_not_listed_is_not_removed(many):
    """Between the list and the yes another process compacts, or is killed."""
    compact(many)
    found = garbage(many, NOW)
    late = Path(data_files(many)[0].path).with_name("left-later.parquet")
    late.write_bytes(b"half a file")
    collect(many, found)  # no orphan was listed: none is removed
    assert late.exists()
    assert garbage(many, NOW).orphans == (str(late),)
    orphans = garbage(many, NOW)
    later = late.with_name("left-even-later.parquet")
    later.write_bytes(b"half a file")
    with pytest.raises(WarehouseError, match="run prefinery gc again"):
        collect(many, orphans)
    assert late.exists()
    publish(many, draft(some_pairs(many, 14)))
    compact(many)
    replaced = garbage(many, NOW).replaced
    assert replaced
    collect(many, Garbage(snapshots=(), replaced=(), orphans=tuple(map(str, (late, later)))))
    assert all(Path(path).exists() for path in replaced)
    assert not later.exists()


def test_files_that_the_end_of_a_snapshot_frees_are_listed_before_they_go(many):
    many.append((PROMPTS, PROMPTS.rows([replace(p, prompt_id="of no version") for p in some_prompts(1)])))
    many.con.execute("delete from prompts where prompt_id = 'of no version'")
    many.append((PROMPTS, PROMPTS.rows(some_prompts(20))))
    found = garbage(many, NOW)
    assert not found.replaced
    collect(many, found)
    (freed, *_) = garbage(many, NOW).replaced
    assert Path(freed).exists()
    collect(many, garbage(many, NOW))
    assert not Path(freed).exists()


def test_sizes_are_known_in_s3(tmp_path, bucket):
    with Lake.create(tmp_path / "warehouse", data=bucket) as lake:
        pairs = some_pairs(lake, 4)
        for number in (1, 2, 3):
            publish(lake, draft(pairs[:number]))
        compact(lake)
        found = garbage(lake, NOW)
        assert len(found.replaced) > 4
        assert found.n_bytes > 500 * len(found.replaced)


def gc(lake, *options, **more):
    command = [sys.executable, "-m", "flows", "gc", "--grace-minutes", "0", "-w", str(lake.folder), *options]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, **more)


def test_the_commands_list_ask_and_speak_json(many):
    merged = CliRunner().invoke(app, ["compact", "-w", str(many.folder), "--format", "json"])
    (files,) = json.loads(merged.stdout)
    assert files["files_after"] < files["files_before"]
    listed = [(kind, str(name)) for kind, names in kinds(garbage(many, NOW)) for name in names]
    many.close()

    shown = gc(many, "--dry-run")
    assert (shown.returncode, shown.stderr) == (0, "")
    assert set(shown.stdout.splitlines()) > {name for kind, name in listed if kind != "snapshot"}
    told = gc(many, "--dry-run", "--format", "json")
    assert [(row["what"], row["name"]) for row in json.loads(told.stdout)] == listed

    unasked = gc(many, stdin=subprocess.DEVNULL)
    assert unasked.returncode == 2
    assert "Nothing is removed without a yes; add --yes" in unasked.stderr
    assert gc(many, input="n\n").returncode == 0
    assert all(Path(name).exists() for kind, name in listed if kind != "snapshot")

    done = gc(many, "--yes", "--format", "json")
    assert [(row["what"], row["name"]) for row in json.loads(done.stdout)] == listed
    assert not any(Path(name).exists() for kind, name in listed if kind != "snapshot")
    assert json.loads(gc(many, "--format", "json", stdin=subprocess.DEVNULL).stdout) == []


def kinds(found):
    return [("snapshot", found.snapshots), ("replaced file", found.replaced), ("orphan", found.orphans)]


def test_a_damaged_file_is_not_merged_away(many):
    path = Path(data_files(many)[0].path)
    content = path.read_bytes()
    path.write_bytes(content[:50] + bytes([content[50] ^ 1]) + content[51:])
    with pytest.raises(WarehouseError, match="restore it from a backup"):
        compact(many)


def test_a_journal_that_began_before_a_collection_still_commits(many):
    """Its first snapshot may be gone: then it looks for equal keys in the whole table."""
    since = many.snapshot()
    rows = PROMPTS.rows(some_prompts(3))
    publish(many, draft(some_pairs(many, 13)))
    collect(many, garbage(many, NOW))
    many.append_after(since - 1, PROMPTS, rows)
    ids = many.read(PROMPTS).column("prompt_id").to_pylist()
    assert len(ids) == len(set(ids))
