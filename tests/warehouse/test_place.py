import json
import os
import signal
import subprocess
import sys
import time
from datetime import timedelta

import pytest

from schemas.datasets import DATASET_ROWS
from schemas.errors import ConfigError, InputError, WarehouseError
from schemas.pairs import PAIRS
from schemas.prompts import PROMPTS
from tests.rows import draft, some_pairs, some_prompts
from tests.servers import postgres, s3
from warehouse.collect import collect, compact, garbage
from warehouse.digests import verify
from warehouse.lake import Lake
from warehouse.lock import TURN_S
from warehouse.migrate import schema_version, steps
from warehouse.place import NOTE, Place
from warehouse.readonly import query
from warehouse.versions import members, publish, versions

WRITER = """
import sys
from pathlib import Path
from schemas.prompts import PROMPTS
from tests.rows import some_prompts
from warehouse.lake import Lake
with Lake.open(Path(sys.argv[1])) as lake:
    print("ready", flush=True)
    for start in range(0, 200, 20):
        lake.append((PROMPTS, PROMPTS.rows(some_prompts(start + 20))))
"""
HOLDER = """
import sys
from pathlib import Path
from warehouse.lake import Lake
with Lake.open(Path(sys.argv[1])) as lake, lake.lock:
    print("held", flush=True)
    sys.stdin.read()
"""


def _start(script, folder):
    command = [sys.executable, "-c", script, str(folder)]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True)


def test_rows_are_appended_once_and_come_back_as_they_were(elsewhere):
    rows = PROMPTS.rows(sorted(some_prompts(5), key=lambda prompt: prompt.prompt_id))
    with Lake.open(elsewhere) as lake:
        assert lake.append((PROMPTS, rows)) == [5]
        assert lake.append((PROMPTS, rows)) == [0]
    with Lake.open(elsewhere, read_only=True) as lake:
        assert lake.read(PROMPTS).cast(PROMPTS.columns).equals(rows)
        streamed = [batch.num_rows for batch in lake.stream("responses_to", prompts_in=rows.select(["prompt_id"]))]
        assert sum(streamed) == 0


def test_versions_are_published_and_time_travels(elsewhere):
    with Lake.open(elsewhere) as lake:
        pairs = some_pairs(lake, 6)
        first = publish(lake, draft(pairs[:2])).version
        publish(lake, draft(pairs))
        assert publish(lake, draft(pairs)).is_new is False
        assert members(lake, "hand", 1).num_rows == 2
        assert sum(batch.num_rows for batch in lake.stream("version_pairs", treated=members(lake, "hand", 2))) == 6
    with Lake.open(elsewhere, read_only=True, snapshot=first.snapshot) as then:
        assert then.read(PAIRS).num_rows == 2
        assert [version.label for version in versions(then)] == ["hand@1"]


def test_a_failed_transaction_leaves_nothing(elsewhere):
    with Lake.open(elsewhere) as lake:
        with pytest.raises(RuntimeError, match="stop"), lake.transaction():
            lake.insert(PROMPTS, PROMPTS.rows(some_prompts(3)))
            raise RuntimeError("stop")
        assert lake.read(PROMPTS).num_rows == 0
        assert lake.append_after(lake.snapshot(), PROMPTS, PROMPTS.rows(some_prompts(3))) == lake.snapshot()


def test_people_query_and_change_nothing(elsewhere):
    with Lake.open(elsewhere) as lake:
        pairs = some_pairs(lake, 4)
        publish(lake, draft(pairs[:2]))
        publish(lake, draft(pairs))
    assert query(elsewhere, "select count(*) as n from pairs").to_pylist() == [{"n": 4}]
    assert query(elsewhere, "select count(*) as n from pairs", at="hand@1").to_pylist() == [{"n": 2}]
    for sql in (
        "delete from pairs",
        "select * from read_text('/etc/passwd')",
        "attach ':memory:' as other",
        "select * from duckdb_secrets()",
    ):
        with pytest.raises(InputError) as caught:
            query(elsewhere, sql)
        assert s3.KEYS["AWS_SECRET_ACCESS_KEY"] not in str(caught.value)


def test_compaction_and_collection_change_no_version(elsewhere):
    with Lake.open(elsewhere) as lake:
        pairs = some_pairs(lake, 4)
        for number in range(1, 5):
            publish(lake, draft(pairs[:number]))
        there, left = compact(lake)
        assert left < there
        found = garbage(lake, timedelta(0))
        assert found.replaced
        collect(lake, found)
        for version in versions(lake):
            assert members(lake, "hand", version.version).num_rows == version.n_pairs
            assert list(verify(lake, version)) == []


def test_a_killed_writer_leaves_whole_commits_and_no_lock(elsewhere):
    writer = _start(WRITER, elsewhere)
    assert writer.stdout.readline() == "ready\n", writer.communicate()[1]
    time.sleep(0.3)
    os.kill(writer.pid, signal.SIGKILL)
    writer.communicate()
    with Lake.open(elsewhere) as lake:
        assert lake.read(PROMPTS).num_rows % 20 == 0
        lake.append((PROMPTS, PROMPTS.rows(some_prompts(200))))
        assert lake.read(PROMPTS).num_rows == 200


def test_every_migration_is_recorded_once(elsewhere):
    Lake.create(elsewhere).close()
    with Lake.open(elsewhere) as lake:
        assert schema_version(lake.con) == steps()[-1][0]
        assert lake.con.execute("select count(*) from migrations").fetchone() == (len(steps()),)


def test_no_secret_is_written_anywhere(elsewhere):
    for file in elsewhere.rglob("*"):
        if file.is_file():
            for secret in (postgres.PASSWORD, *s3.KEYS.values()):
                assert secret.encode() not in file.read_bytes(), file


def test_two_machines_share_one_warehouse(tmp_path, catalog, bucket):
    with Lake.create(tmp_path / "here", catalog=catalog, data=bucket) as here:
        publish(here, draft(some_pairs(here, 3)))
        with Lake.create(tmp_path / "there", catalog=catalog, data=bucket) as there:
            assert [version.label for version in versions(there)] == ["hand@1"]
            publish(there, draft(some_pairs(there, 5)))
        assert members(here, "hand", 2).num_rows == 5


def test_writers_on_two_machines_lose_nothing_and_repeat_nothing(tmp_path, catalog, bucket):
    folders = [tmp_path / "here", tmp_path / "there"]
    for folder in folders:
        Lake.create(folder, catalog=catalog, data=bucket).close()
    writers = [_start(WRITER, folder) for folder in folders * 2]
    for writer in writers:
        _, errors = writer.communicate(timeout=200)
        assert writer.returncode == 0, errors
    with Lake.open(folders[0], read_only=True) as lake:
        assert lake.read(PROMPTS).column("prompt_id").to_pylist() == sorted(p.prompt_id for p in some_prompts(200))


def test_a_machine_waits_for_the_lock_of_another_and_gets_it_when_that_one_dies(tmp_path, catalog, bucket):
    folders = [tmp_path / "here", tmp_path / "there"]
    for folder in folders:
        Lake.create(folder, catalog=catalog, data=bucket).close()
    holder = _start(HOLDER, folders[0])
    assert holder.stdout.readline() == "held\n"
    waiting = _start(HOLDER, folders[1])
    time.sleep(TURN_S + 2)  # longer than one turn in Postgres' queue
    assert waiting.poll() is None
    os.kill(holder.pid, signal.SIGKILL)
    assert waiting.stdout.readline() == "held\n"
    waiting.communicate("")
    holder.communicate()


def test_a_writer_whose_lock_was_lost_writes_nothing(tmp_path, catalog, postgres_server):
    with Lake.create(tmp_path / "here", catalog=catalog) as lake:
        with pytest.raises(WarehouseError, match="nothing was written"), lake.transaction():
            lake.insert(PROMPTS, PROMPTS.rows(some_prompts(3)))
            kill = "select pg_terminate_backend(pid) from pg_locks where locktype = 'advisory'"
            postgres_server.run("psql", "-d", "postgres", "-c", kill)
        assert lake.append((PROMPTS, PROMPTS.rows(some_prompts(4)))) == [4]


def test_other_data_than_the_first_machine_named_is_refused(tmp_path, catalog, bucket):
    Lake.create(tmp_path / "here", catalog=catalog, data=bucket).close()
    with pytest.raises(WarehouseError, match="same --data"):
        Lake.create(tmp_path / "there", catalog=catalog)
    assert not (tmp_path / "there" / NOTE).exists()


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
def test_two_catalogues_do_not_share_their_data(tmp_path, bucket, request, kind):
    """Each would take the other's files for orphans."""
    with Lake.create(tmp_path / "here", data=bucket) as lake:
        lake.append((PROMPTS, PROMPTS.rows(some_prompts(1))))
    catalog = request.getfixturevalue("catalog") if kind == "postgres" else None
    with pytest.raises(ConfigError, match="holds files already"):
        Lake.create(tmp_path / "there", catalog=catalog, data=bucket)
    Lake.create(tmp_path / "there", catalog=catalog, data=f"{bucket}-there").close()


def test_data_may_lie_in_another_folder(tmp_path):
    with Lake.create(tmp_path / "here", data=str(tmp_path / "big disk")) as lake:
        lake.append((PROMPTS, PROMPTS.rows(some_prompts(2))))
    assert list((tmp_path / "big disk").rglob("*.parquet"))
    assert query(tmp_path / "here", "select count(*) as n from prompts").to_pylist() == [{"n": 2}]


def test_a_duckdb_catalogue_admits_one_process(tmp_path):
    with Lake.create(tmp_path / "here", catalog="duckdb"):
        other = _start(WRITER, tmp_path / "here")
        assert "admits one at a time" in other.communicate()[1]


def test_an_absent_postgres_is_one_sentence(tmp_path, monkeypatch):
    monkeypatch.setenv("PGPASSWORD", postgres.PASSWORD)
    with pytest.raises(WarehouseError, match="cannot be reached") as caught:
        Lake.create(tmp_path / "here", catalog="postgresql://prefinery@127.0.0.1:1/nothing")
    assert postgres.PASSWORD not in str(caught.value)


def test_an_empty_database_is_one_sentence(tmp_path, catalog):
    (tmp_path / NOTE).write_text(json.dumps({"catalog": catalog}))
    with pytest.raises(WarehouseError, match="cannot be opened as a warehouse"):
        Lake.open(tmp_path, read_only=True)


def test_a_wrong_password_is_one_sentence(tmp_path, catalog, monkeypatch):
    monkeypatch.setenv("PGPASSWORD", "guessed")
    with pytest.raises(WarehouseError, match="check the server, its database and PGPASSWORD"):
        Lake.create(tmp_path / "here", catalog=catalog)


@pytest.mark.parametrize("missing", ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"])
def test_absent_keys_are_one_sentence(tmp_path, bucket, monkeypatch, missing):
    monkeypatch.delenv(missing)
    with pytest.raises(ConfigError, match=missing):
        Lake.create(tmp_path / "here", data=bucket)


def test_an_absent_bucket_is_one_sentence(tmp_path, bucket):
    with pytest.raises(WarehouseError, match="check the bucket"), Lake.create(tmp_path, data="s3://absent/x") as lake:
        lake.append((PROMPTS, PROMPTS.rows(some_prompts(1))))


@pytest.mark.parametrize(
    ("catalog", "data"),
    [("mysql://here", None), ("sqlite.db", None), ("postgresql://me:secret@host/db", None),
     ("postgres://host/db?password=secret", None), (None, "gs://bucket"), (None, "relative/folder"), (None, "s3://")],
)  # fmt: skip
def test_a_place_that_cannot_be_is_refused_without_its_secret(tmp_path, catalog, data):
    with pytest.raises(ConfigError) as caught:
        Lake.create(tmp_path / "here", catalog=catalog, data=data)
    assert "secret" not in str(caught.value)
    assert not (tmp_path / "here").exists()


def test_a_warehouse_keeps_its_place(lake):
    with pytest.raises(ConfigError, match="name another folder"):
        Lake.create(lake.folder, catalog="duckdb")
    assert Place.of(lake.folder) == Place(folder=lake.folder)


def test_a_default_warehouse_can_be_moved(lake, tmp_path):
    lake.append((PROMPTS, PROMPTS.rows(some_prompts(3))))
    lake.close()
    moved = lake.folder.rename(tmp_path / "moved")
    with Lake.open(moved, read_only=True) as opened:
        assert opened.read(PROMPTS).num_rows == 3
        assert opened.read(DATASET_ROWS).num_rows == 0


def test_a_damaged_note_is_one_sentence(tmp_path):
    (tmp_path / NOTE).write_text('{"catalog": ')
    with pytest.raises(WarehouseError, match="is damaged"):
        Lake.open(tmp_path)
