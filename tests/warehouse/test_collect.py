"""Compaction and collection change what lies on disk, and nothing that anybody reads."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from schemas.errors import WarehouseError
from schemas.prompts import PROMPTS
from tests.rows import draft, some_pairs, some_prompts
from warehouse.collect import Garbage, collect, compact, garbage
from warehouse.digests import data_files, verify
from warehouse.readonly import query
from warehouse.versions import publish, versions

NOW = timedelta(0)
TEXTS = "select pair_id, chosen_id, text from pairs join responses on chosen_id = response_id order by pair_id"


@pytest.fixture
def many(lake):
    """Twelve versions, each a commit of several small files, with a commit of no version between them."""
    pairs = some_pairs(lake, 12)
    for number in range(1, 13):
        lake.append((PROMPTS, PROMPTS.rows([replace(p, prompt_id=f"x{number}") for p in some_prompts(1)])))
        publish(lake, draft(pairs[:number]))
    return lake


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
