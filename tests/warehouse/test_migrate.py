import os
import random
import shutil
import signal
import subprocess
import sys
import time

import pytest

from schemas.calls import CALLS
from schemas.errors import WarehouseError
from schemas.files import FILES
from schemas.prompts import PROMPTS, Prompt, user
from tests.conftest import ROOT
from tests.rows import draft, some_pairs, some_prompts
from tests.whole import check_files
from warehouse.collect import compact
from warehouse.connect import connect
from warehouse.digests import verify
from warehouse.lake import Lake
from warehouse.migrate import migrate, schema_version, steps
from warehouse.place import Place
from warehouse.readonly import query
from warehouse.tables import all_tables
from warehouse.versions import publish, versions

NEXT = steps()[-1][0] + 1
MIGRATING = """
import sys
from pathlib import Path
from warehouse.connect import connect
from warehouse.migrate import migrate, steps
from warehouse.place import Place
con = connect(Place.of(Path(sys.argv[1])))
print("ready", flush=True)
migrate(con, [*steps(), (int(sys.argv[2]), "next", sys.argv[3])])
"""
ENDLESS = """
    create table half (a bigint);
    insert into half select sum(a.range + b.range) from range(1000000) a, range(1000000) b"""
QUICK = (
    "create table half (a bigint); insert into half from range(1000); alter table half add column b integer default 1"
)


def _first_release(folder):
    """A warehouse as the first release made it, with a row in a table that has grown since."""
    (folder / "data").mkdir(parents=True)
    con = connect(Place.of(folder))
    migrate(con, steps()[:1])
    con.execute("""
        insert into calls (call_id, attempt, purpose, engine, model, model_revision, request, raw_text, finish_reason,
            prompt_tokens, completion_tokens)
        values ('c1', 0, 'generate', 'vllm', 'm', 'r', '{}', 'hello', 'stop', 3, 1)""")
    assert schema_version(con) == 1
    con.close()


def test_a_warehouse_of_the_first_release_opens_and_keeps_its_rows(tmp_path):
    _first_release(tmp_path)
    with Lake.open(tmp_path) as lake:
        assert schema_version(lake.con) == steps()[-1][0]
        for table in all_tables():
            stored = lake.read(table)
            stored.select(table.columns.names).cast(table.columns)
            assert stored.num_rows == (table is CALLS), table.name
        call = lake.read(CALLS).to_pylist()[0]
    assert (call["call_id"], call["raw_text"], call["status"], call["tries"]) == ("c1", "hello", "ok", 1)


def _statistics(con, columns):
    """What DuckLake knows of each column: table, column, whether it holds null, least and greatest value."""
    return con.execute(f"""
        select table_name, column_name, {columns} from __ducklake_metadata_lake.ducklake_table
        join __ducklake_metadata_lake.ducklake_column as c using (table_id)
        left join __ducklake_metadata_lake.ducklake_table_column_stats as s using (table_id, column_id)
        where c.end_snapshot is null order by all""").fetchall()


def test_a_new_table_has_statistics_and_they_grow_as_ever(elsewhere, tmp_path):
    prompts = PROMPTS.rows([Prompt.of(user(f"Say {n}."), source="s") for n in range(3)])
    folder = tmp_path / "plain"
    (folder / "data").mkdir(parents=True)
    with connect(Place.of(folder)) as plain:  # as DuckLake itself makes a table
        for _, _, sql in steps():
            plain.execute(sql)
        plain.register("incoming", prompts)
        plain.execute("insert into prompts by name from incoming")
        untouched = _statistics(plain, "contains_null::bigint, min_value, max_value")
    with Lake.open(elsewhere) as lake:
        known = "select count(*) filter (record_count is null), count(*) from __ducklake_metadata_lake.ducklake_table"
        unknown = lake.con.execute(f"{known} left join __ducklake_metadata_lake.ducklake_table_stats using (table_id)")
        assert unknown.fetchone() == (0, len(all_tables()) + 1)
        lake.append((PROMPTS, prompts))
        grown = _statistics(lake.con, "contains_null::bigint, min_value, max_value")
    assert [row for row in grown if row[0] == "prompts"] == [row for row in untouched if row[0] == "prompts"]
    assert ("prompts", "source", 0, "s", "s") in grown


STORED = {
    **dict.fromkeys(("calls", "drops", "evaluations", "models", "runs", "scores", "votes", "datasets"), 2),
    **{"prompts": 4, "responses": 8, "pairs": 4, "dataset_rows": 5},
}
"""Rows of a warehouse that the release with schema 3 wrote and that is kept as it left it."""
FINGERPRINTS = {"hand@1": "48d1491bdee41e4dcf0dea29d8107d0d", "hand@2": "5de2183312b9363c946cffd7e48328fe"}


@pytest.fixture
def stored(tmp_path):
    shutil.unpack_archive(ROOT / "tests/data/schema_003.tar.xz", tmp_path)
    return tmp_path / "warehouse"


def test_a_stored_warehouse_of_an_older_release_opens_and_keeps_everything(stored):
    with connect(Place.of(stored), read_only=True) as con:
        assert schema_version(con) == 3
    with Lake.open(stored) as lake:
        assert schema_version(lake.con) == steps()[-1][0]
        for table in all_tables():
            rows = lake.read(table)
            rows.select(table.columns.names).cast(table.columns)
            if table is not FILES:
                assert rows.num_rows == STORED.get(table.name, 0), table.name
        assert {row["raw_text"] for row in lake.read(CALLS).to_pylist()} == {"raw_text 1", "raw_text 2"}
        ids = {prompt.prompt_id for prompt in some_prompts(4)}  # the same text is the same row for ever
        assert set(lake.read(PROMPTS).column("prompt_id").to_pylist()) == ids
        assert {version.label: version.fingerprint for version in versions(lake)} == FINGERPRINTS
        for version in versions(lake):
            assert list(verify(lake, version)) == []
        assert publish(lake, draft(some_pairs(lake, 4)[1:])).version.label == "hand@2"
        assert publish(lake, draft(some_pairs(lake, 5))).version.label == "hand@3"
        compact(lake)
        assert [list(verify(lake, version)) for version in versions(lake)] == [[], [], []]
    check_files(stored)
    at_first = query(stored, "select pair_id from members where dataset = 'hand'", at="hand@1")
    assert len(at_first) == 2


def test_a_reader_of_an_older_warehouse_sees_its_rows(tmp_path):
    _first_release(tmp_path)
    with Lake.open(tmp_path, read_only=True) as lake:
        assert lake.con.execute("select raw_text from calls").fetchall() == [("hello",)]
        assert schema_version(lake.con) == steps()[-1][0]


def _migrating(folder, sql):
    command = [sys.executable, "-c", MIGRATING, str(folder), str(NEXT), sql]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "ready\n"
    return process


def _kill(process):
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()


def _state(folder):
    """Whether the next migration is recorded, and whether its table is there."""
    con = connect(Place.of(folder))
    try:
        tables = con.execute("select count(*) from duckdb_tables() where table_name = 'half'").fetchone()
        return schema_version(con) == NEXT, tables == (1,)
    finally:
        con.close()


def test_a_migration_killed_inside_leaves_no_trace(elsewhere):
    migrating = _migrating(elsewhere, ENDLESS)
    time.sleep(1)
    assert migrating.poll() is None
    _kill(migrating)
    assert _state(elsewhere) == (False, False)
    with Lake.open(elsewhere) as lake:
        assert schema_version(lake.con) == steps()[-1][0]


@pytest.mark.slow
def test_a_migration_killed_at_any_time_is_there_with_its_record_or_not_at_all(tmp_path):
    states = []
    for attempt in range(12):
        folder = tmp_path / str(attempt)
        Lake.create(folder).close()
        migrating = _migrating(folder, QUICK)
        time.sleep(random.uniform(0, 0.25))
        _kill(migrating)
        states.append(_state(folder))
    assert set(states) <= {(False, False), (True, True)}


def test_a_failing_migration_leaves_no_trace(lake):
    with pytest.raises(Exception, match="nowhere"):
        migrate(lake.con, [*steps(), (NEXT, "next", "create table half (a integer); insert into nowhere values (1)")])
    assert schema_version(lake.con) == NEXT - 1
    assert lake.con.execute("select count(*) from duckdb_tables() where table_name = 'half'").fetchone() == (0,)


def test_a_newer_warehouse_is_refused_elsewhere_too(elsewhere):
    with Lake.open(elsewhere) as lake:
        migrate(lake.con, [*steps(), (NEXT, "next", QUICK)])
    for read_only in (True, False):
        with pytest.raises(WarehouseError, match="upgrade prefinery"):
            Lake.open(elsewhere, read_only=read_only)
