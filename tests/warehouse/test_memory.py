"""What a warehouse may hold in memory."""

from threading import Timer

import duckdb
import pytest

from schemas.errors import ConfigError, InputError, OutOfMemory, WarehouseError
from schemas.prompts import PROMPTS, Prompt, user
from warehouse.collect import compact
from warehouse.lake import Lake
from warehouse.memory import VARIABLE, held, little, thrifty
from warehouse.readonly import query, reading
from warehouse.sentences import sentences

ROWS = 60_000
WHOLE = "select len(list(repeat('x', 1000) || range)) from range(300000)"
"""A list in one piece, which no file can take."""

LATE = "select if(i = 1_000_000, len(list_sort(range(i * 20))), 1) as n from range(2_000_000) as t (i)"
"""A long list in the middle of an answer."""


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
    monkeypatch.setenv(VARIABLE, "300MB")
    with Lake.create(tmp_path / "warehouse") as lake:
        with pytest.raises(WarehouseError, match=f"allow more by {VARIABLE}"), sentences(lake.place):
            lake.con.execute(WHOLE).fetchall()
        with pytest.raises(InputError, match="allow more by --memory"):
            query(lake.folder, WHOLE)


def test_a_stream_says_the_same_after_its_first_rows(lake):
    lake.con.execute("set max_temp_directory_size = '0KB'")
    lake.con.execute("set threads = 1")  # of several, one may name the interrupt by which another one stopped it
    read = 0
    with pytest.raises(OutOfMemory, match=f"allow more by {VARIABLE}"), sentences(lake.place), held(lake.con, "60MB"):
        for rows in lake.con.execute(LATE).to_arrow_reader(5_000):
            read += rows.num_rows
    assert read > 0


def test_so_does_a_stream_of_people(lake, monkeypatch):
    monkeypatch.setattr("warehouse.memory.SPILLED_SHARE", 0)
    with (
        reading(lake.folder, memory="60MB") as reader,
        pytest.raises(InputError, match="allow more by --memory"),
        reader.ask(LATE) as answer,
    ):
        for _rows in answer.batches:
            pass


def test_a_size_that_is_none_is_wrong_usage(tmp_path, monkeypatch):
    monkeypatch.setenv(VARIABLE, "lots")
    with pytest.raises(ConfigError, match="lots is no size of memory"):
        Lake.create(tmp_path / "warehouse")


def test_a_bound_for_a_while_is_lifted(lake, monkeypatch):
    monkeypatch.delenv(VARIABLE, raising=False)
    with held(lake.con, "30MB"), pytest.raises(duckdb.OutOfMemoryException):
        lake.con.execute(WHOLE).fetchall()
    assert lake.con.execute(WHOLE).fetchall() == [(300_000,)]


def test_what_needs_more_than_little_gets_it(lake, monkeypatch):
    monkeypatch.delenv(VARIABLE, raising=False)
    monkeypatch.setattr("warehouse.memory.little", lambda: "30MB")
    tried = []

    def read():
        tried.append(lake.con.execute("select current_setting('memory_limit')").fetchone())
        with sentences(lake.place):
            return lake.con.execute(WHOLE).fetchall()

    assert thrifty(lake.con, read) == [(300_000,)]
    assert len(set(tried)) == 2
    monkeypatch.setenv(VARIABLE, "30MB")
    with pytest.raises(OutOfMemory, match="allow more"):
        thrifty(lake.con, read)
    assert len(tried) == 3


def test_a_query_that_duckdb_stopped_without_a_reason_is_tried_once_more(lake, monkeypatch):
    monkeypatch.delenv(VARIABLE, raising=False)

    def stopped():
        Timer(1, lake.con.interrupt).start()
        with sentences(lake.place):
            return lake.con.execute("select count(*) from range(1_000_000_000_000)").fetchall()

    tries = iter([stopped, lambda: "read"])

    def read():
        return next(tries)()

    assert thrifty(lake.con, read) == "read"
    with pytest.raises(OutOfMemory, match="does not say why, most often for lack of memory"):
        thrifty(lake.con, stopped)


def test_each_core_has_its_share(monkeypatch):
    monkeypatch.delenv(VARIABLE, raising=False)
    for cores, memory in ((64, "16384MiB"), (2, "2048MiB")):
        monkeypatch.setattr("os.cpu_count", lambda cores=cores: cores)
        assert little() == memory
    monkeypatch.setenv(VARIABLE, "1GB")
    assert little() == "1GB"
