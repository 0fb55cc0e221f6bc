import threading
import time

import duckdb
import pytest

from schemas.errors import ConfigError, InputError, UnknownVersion, WarehouseError
from tests.rows import draft, some_pairs
from tests.watched import watched
from warehouse.lake import Lake
from warehouse.readonly import query, reading
from warehouse.versions import publish

ENDLESS = "select count(*) from range(1000000000) as a, range(1000000000) as b"
LONG = "select * from range(1000000000) as a, range(1000000000) as b"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A warehouse with hand@1 of two pairs and hand@2 of four."""
    with Lake.create(tmp_path_factory.mktemp("readonly") / "warehouse") as lake:
        pairs = some_pairs(lake, 4)
        publish(lake, draft(pairs[:2]))
        publish(lake, draft(pairs))
        yield lake.folder


@pytest.fixture(scope="module")
def reader(folder):
    with reading(folder, memory="60MB") as opened:
        yield opened


def test_a_query_sees_the_newest_rows(folder):
    assert query(folder, "select count(*) as n from pairs").to_pylist() == [{"n": 4}]


def test_a_folder_may_be_a_text(folder):
    assert query(str(folder), "select count(*) as n from pairs", at="hand@2").to_pylist() == [{"n": 4}]
    with Lake.open(str(folder), read_only=True) as lake:
        assert lake.folder == folder
    with pytest.raises(WarehouseError, match="is no warehouse"):
        query("nowhere", "select 1")


def test_a_query_at_a_version_sees_its_rows(folder):
    assert query(folder, "select count(*) as n from pairs", at="hand@1").to_pylist() == [{"n": 2}]
    with pytest.raises(UnknownVersion):
        query(folder, "select 1", at="hand@9")


@pytest.mark.parametrize("label", ["hand@1'; drop table pairs; --", "hand@1) --", "' or 1=1 --@1", "hand@1 or true"])
def test_a_label_is_no_sql(folder, label):
    with pytest.raises((ConfigError, UnknownVersion)):
        query(folder, "select 1", at=label)
    assert query(folder, "select count(*) as n from pairs").to_pylist() == [{"n": 4}]


@pytest.mark.parametrize("sql", [ENDLESS, LONG], ids=["before-the-first-row", "between-rows"])
def test_a_query_ends_at_its_time(reader, sql):
    start = time.monotonic()
    with pytest.raises(InputError, match=r"took longer than 0\.5 s"), reader.ask(sql, 0.5) as answer:
        for _ in answer.batches:
            pass
    assert time.monotonic() - start < 20
    with reader.ask("select 1 as one") as answer:
        assert answer.rows().to_pylist() == [{"one": 1}]


def test_a_query_can_be_stopped_from_another_thread(reader):
    timer = threading.Timer(0.3, reader.interrupt)
    timer.start()
    with pytest.raises(InputError, match="was stopped"), reader.ask(ENDLESS, 60):
        pass


def test_an_interrupt_that_nobody_asked_for_gives_way_to_the_fault_behind_it(folder):
    """What the threads of a query that fails say is a race; of one that did not fail again nothing more is known."""
    interrupted = duckdb.InterruptException("INTERRUPT Error: Interrupted!")
    with reading(folder) as reader:
        assert "late" in str(reader.cause(interrupted, "select if(range = 9, error('late'), range) from range(10)"))
        assert reader.cause(interrupted, "select 1") is interrupted
        reader.interrupt()
        assert reader.cause(interrupted, "select error('late')") is interrupted


def test_a_query_that_needs_more_memory_fails(reader):
    with (
        pytest.raises(InputError, match="Out of Memory"),
        reader.ask("select list(range) from range(100000000)") as answer,
    ):
        answer.rows()


def test_a_sort_beyond_memory_is_spilled(reader):
    with reader.ask(
        "select max(n) as n from (select row_number() over (order by -range) as n from range(3000000))"
    ) as a:
        assert a.rows().to_pylist() == [{"n": 3_000_000}]


def test_a_memory_that_is_no_size_is_wrong_usage(folder):
    with pytest.raises(ConfigError, match="lots is no size of memory"), reading(folder, memory="lots"):
        pass


def test_equal_column_names_are_numbered(reader):
    with reader.ask("select 1 as a, 2 as a, 3 as a_2") as answer:
        assert answer.rows().to_pylist() == [{"a": 1, "a_2": 2, "a_2_2": 3}]


def test_a_python_variable_is_no_table(reader):
    import pyarrow as pa

    secret = pa.table({"x": [1]})
    with pytest.raises(InputError, match="no table or view 'secret'"), reader.ask("from secret"):
        assert secret.num_rows


def test_an_answer_larger_than_memory_is_streamed(reader):
    with reader.ask("select repeat('x', 1000) as x from range(400000)") as answer:
        assert sum(batch.num_rows for batch in answer.batches) == 400_000


def test_what_is_touched_is_seen(tmp_path):
    """The instrument of the tests of refused texts."""
    import socket

    with watched(tmp_path / "around") as around:
        assert not around.touched()
        (around.folder / "x.csv").read_bytes()
        assert around.touched()
        (around.folder / "new").touch()
        assert around.touched()
        assert not around.touched()
        socket.create_connection(("127.0.0.1", int(around.url.rpartition(":")[2]))).close()
        assert around.touched()
