"""What a warehouse may hold in memory."""

import pytest

from schemas.errors import ConfigError, InputError, WarehouseError
from schemas.prompts import PROMPTS, Prompt, user
from warehouse.collect import compact
from warehouse.lake import Lake
from warehouse.memory import VARIABLE, little_memory
from warehouse.readonly import query
from warehouse.sentences import sentences

ROWS = 60_000


def test_a_compaction_larger_than_memory_is_spilled(tmp_path, monkeypatch):
    """Its sort would hold about 200 MB; what 120 MB leave out goes to files, which are gone afterwards."""
    spill = tmp_path / "spill"
    spill.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(spill))
    with Lake.create(tmp_path / "warehouse") as lake:
        for number in range(3):
            lake.append((PROMPTS, prompts(number)))
    assert not list(spill.iterdir())
    monkeypatch.setenv(VARIABLE, "300MB")
    with Lake.open(tmp_path / "warehouse") as lake:
        before = lake.con.execute("select sum(hash(prompts)) from prompts").fetchone()
        there, left = compact(lake)
        assert left < there
        assert list(spill.iterdir())
        assert lake.con.execute("select sum(hash(prompts)) from prompts").fetchone() == before
    assert not list(spill.iterdir())


def prompts(number):
    texts = (f"{place} {number} " + "words and more of them " * 40 for place in range(ROWS))
    return PROMPTS.rows([Prompt.of(user(text), source="test") for text in texts])


def test_what_cannot_be_spilled_says_what_to_do(tmp_path, monkeypatch):
    whole = "select len(list(repeat('x', 1000) || range)) from range(300000)"
    monkeypatch.setenv(VARIABLE, "300MB")
    with Lake.create(tmp_path / "warehouse") as lake:
        with pytest.raises(WarehouseError, match=f"allow more by {VARIABLE}"), sentences(lake.place):
            lake.con.execute(whole).fetchall()
        with pytest.raises(InputError, match="allow more by --memory"):
            query(lake.folder, whole)


def test_a_size_that_is_none_is_wrong_usage(tmp_path, monkeypatch):
    monkeypatch.setenv(VARIABLE, "lots")
    with pytest.raises(ConfigError, match="lots is no size of memory"):
        Lake.create(tmp_path / "warehouse")


def test_a_compaction_takes_little_memory_and_gives_it_back(lake, monkeypatch):
    monkeypatch.delenv(VARIABLE, raising=False)
    monkeypatch.setattr("os.cpu_count", lambda: 64)
    before = limit(lake)
    with little_memory(lake.con):
        assert limit(lake) == "16.0 GiB"
    assert limit(lake) == before
    monkeypatch.setenv(VARIABLE, "1GiB")
    with little_memory(lake.con):
        assert limit(lake) == "1.0 GiB"
    assert limit(lake) == "1.0 GiB"


def limit(lake):
    return lake.con.execute("select current_setting('memory_limit')").fetchone()[0]
