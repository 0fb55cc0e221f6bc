import os
import signal
import subprocess
import sys
import time
from itertools import pairwise
from operator import itemgetter

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from schemas.errors import WarehouseError
from schemas.ids import content_id
from schemas.prompts import PROMPTS
from tests.rows import some_prompts
from warehouse.lake import Lake
from warehouse.tables import all_tables

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


def test_appending_twice_inserts_nothing(lake):
    rows = PROMPTS.rows(some_prompts(5))
    assert lake.append((PROMPTS, rows)) == [5]
    assert lake.append((PROMPTS, rows)) == [0]
    assert lake.read(PROMPTS).num_rows == 5


def test_a_batch_that_repeats_a_key_inserts_it_once(lake):
    one = some_prompts(1)
    assert lake.append((PROMPTS, PROMPTS.rows(one + one))) == [1]


def test_rows_come_back_as_they_were(lake):
    rows = PROMPTS.rows(sorted(some_prompts(3), key=lambda prompt: prompt.prompt_id))
    lake.append((PROMPTS, rows))
    assert lake.read(PROMPTS).cast(PROMPTS.columns).equals(rows)


def test_of_a_batch_the_rows_are_written_that_are_new(lake):
    known, new = some_prompts(40)[::2], some_prompts(40)[1::2]
    lake.append((PROMPTS, PROMPTS.rows(known)))
    batch = [*known, *new, *reversed(new)]
    assert lake.append((PROMPTS, PROMPTS.rows(batch))) == [len(new)]
    assert lake.read(PROMPTS).to_pylist() == sorted(PROMPTS.rows(known + new).to_pylist(), key=itemgetter("prompt_id"))


def test_a_writer_that_waited_too_long_says_who_is_in_the_way(lake, monkeypatch):
    monkeypatch.setattr("warehouse.lock.PATIENCE_S", 0.1)
    stuck = pytest.raises(WarehouseError, match="is locked by another writer; end it or wait")
    with lake.lock, Lake.open(lake.folder) as other, stuck:
        other.append((PROMPTS, PROMPTS.rows(some_prompts(1))))
    assert not lake.read(PROMPTS).num_rows


SORTED = """
select table_name, list(expression order by sort_key_index)
from __ducklake_metadata_lake.ducklake_sort_expression join __ducklake_metadata_lake.ducklake_table using (table_id)
group by all
"""


def test_rows_are_sorted_by_what_the_lake_says_that_they_are_sorted_by(lake):
    """What is written is sorted by us, what is merged by DuckLake."""
    said = {name: tuple(columns) for name, columns in lake.con.execute(SORTED).fetchall()}
    assert said == {table.name: table.order for table in all_tables() if table.order}


def test_row_groups_hold_neighbours(lake):
    """Which few of them to read, the statistics of a file can say only then."""
    ids = pa.array([content_id(number) for number in range(40_000)])
    lake.insert_new(PROMPTS, PROMPTS.of_columns(len(ids), prompt_id=ids, source="x", messages=same_messages(len(ids))))
    [file] = (lake.folder / "data" / "main" / "prompts").iterdir()
    layout = pq.read_metadata(file)
    found = [layout.row_group(number).column(0).statistics for number in range(layout.num_row_groups)]
    ends = sorted((group.min, group.max) for group in found)
    assert len(ends) == 5
    assert all(before[1] < after[0] for before, after in pairwise(ends))


def same_messages(count):
    column = PROMPTS.rows(some_prompts(1)).column("messages").combine_chunks()
    return column.take(pa.repeat(0, count))


def test_a_failed_transaction_leaves_nothing(lake):
    with pytest.raises(RuntimeError, match="stop"), lake.transaction():
        lake.insert(PROMPTS, PROMPTS.rows(some_prompts(3)))
        raise RuntimeError("stop")
    assert lake.read(PROMPTS).num_rows == 0


def test_the_lake_has_every_declared_column(lake):
    """A changed schema needs a migration."""
    for table in all_tables():
        stored = lake.read(table)
        assert sorted(stored.column_names) == sorted(table.columns.names), table.name
        stored.select(table.columns.names).cast(table.columns)


def test_committed_rows_are_parquet_files(lake):
    lake.append((PROMPTS, PROMPTS.rows(some_prompts(2))))
    assert list((lake.folder / "data").rglob("*.parquet"))


def test_no_warehouse_says_how_to_make_one(tmp_path):
    with pytest.raises(WarehouseError, match="prefinery init"):
        Lake.open(tmp_path)


def test_a_newer_warehouse_is_refused(lake):
    lake.con.execute("insert into migrations values (999, 'from the future')")
    with pytest.raises(WarehouseError, match="upgrade prefinery"):
        Lake.open(lake.folder, read_only=True)
    with pytest.raises(WarehouseError, match="upgrade prefinery"):
        Lake.create(lake.folder)


def test_a_damaged_catalogue_is_one_sentence(tmp_path):
    (tmp_path / "catalog.sqlite").write_bytes(b"this is no database at all, but it is long enough to be read" * 20)
    with pytest.raises(WarehouseError):
        Lake.open(tmp_path)


def _writer(folder):
    command = [sys.executable, "-c", WRITER, str(folder)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_four_writers_lose_nothing_and_repeat_nothing(lake):
    writers = [_writer(lake.folder) for _ in range(4)]
    for writer in writers:
        _, errors = writer.communicate(timeout=120)
        assert writer.returncode == 0, errors
    assert lake.read(PROMPTS).column("prompt_id").to_pylist() == sorted(p.prompt_id for p in some_prompts(200))


def test_a_killed_writer_leaves_whole_commits_and_no_lock(lake):
    writer = _writer(lake.folder)
    assert writer.stdout is not None and writer.stdout.readline() == "ready\n"
    time.sleep(0.3)
    os.kill(writer.pid, signal.SIGKILL)
    writer.communicate()
    assert lake.read(PROMPTS).num_rows % 20 == 0
    lake.append((PROMPTS, PROMPTS.rows(some_prompts(200))))
    assert lake.read(PROMPTS).num_rows == 200


FULL_DISK = """
import resource, sys
from pathlib import Path
from schemas.errors import WarehouseError
from schemas.ids import content_id
from schemas.prompts import PROMPTS, Prompt, user
from warehouse.lake import Lake
import os, signal
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
rows = PROMPTS.rows([Prompt.of(user(os.urandom(4000).hex()), source="hand") for _ in range(500)])
with Lake.open(Path(sys.argv[1])) as lake:
    lake.con.execute("select 1")
    resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, resource.RLIM_INFINITY))
    try:
        lake.append((PROMPTS, rows))
    except WarehouseError as error:
        sys.exit(str(error))
"""


def test_a_full_disk_is_one_sentence_and_nothing_is_half_written(lake):
    """A limit on the size of files makes writes fail as they do on a full disk."""
    lake.append((PROMPTS, PROMPTS.rows(some_prompts(3))))
    done = subprocess.run(
        [sys.executable, "-c", FULL_DISK, str(lake.folder)], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 1
    assert "is full; free some space" in done.stderr
    assert lake.read(PROMPTS).num_rows == 3


def test_a_transaction_that_fails_takes_its_macros_with_it(lake):
    with pytest.raises(KeyboardInterrupt), lake.transaction():
        assert not lake.ask("lineage", pair_id="none").num_rows
        raise KeyboardInterrupt
    assert not lake.ask("lineage", pair_id="none").num_rows
