"""Storage that fails: one sentence, nothing half-written, and the warehouse opens afterwards."""

import json
import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from curation.importers.trl import Trl
from curation.importing import import_paths
from schemas.errors import PrefineryError
from schemas.prompts import PROMPTS
from tests.disks import filled, read_only, small_disk, without_root_powers
from tests.rows import draft, some_pairs, some_prompts
from tests.whole import check, check_files, state
from warehouse.collect import collect, compact, garbage
from warehouse.export import export
from warehouse.lake import Lake
from warehouse.readonly import reading
from warehouse.versions import find_version, publish

APPEND = """
import os, sys
from pathlib import Path
from schemas.errors import WarehouseError
from schemas.prompts import PROMPTS, Prompt, user
from warehouse.lake import Lake
rows = PROMPTS.rows([Prompt.of(user(os.urandom(4000).hex()), source="hand") for _ in range(500)])
try:
    with Lake.open(Path(sys.argv[1])) as lake:
        lake.append((PROMPTS, rows))
except WarehouseError as error:
    sys.exit(str(error))
"""
JOURNAL = """
import os, resource, signal, sys
from pathlib import Path
from schemas.errors import WarehouseError
from schemas.prompts import PROMPTS, Prompt, user
from warehouse.journal import journal
from warehouse.lake import Lake
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
try:
    with Lake.open(Path(sys.argv[1])) as lake, journal(lake, PROMPTS, lake.snapshot()) as opened:
        resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, resource.RLIM_INFINITY))
        for number in range(1000):
            opened.add(Prompt.of(user(f"{number}" + "x" * 1000), source="hand"))
        sys.exit("nothing stopped it")
except WarehouseError as error:
    sys.exit(str(error))
"""
READ = """
import sys
from pathlib import Path
from schemas.prompts import PROMPTS
from warehouse.lake import Lake
with Lake.open(Path(sys.argv[1]), read_only=True) as lake:
    print(lake.read(PROMPTS).num_rows)
"""


def _run(script, folder, before=()):
    command = [*before, sys.executable, "-c", script, str(folder)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


@pytest.mark.parametrize("catalog", ["sqlite", "duckdb"])
def test_a_read_only_folder_is_one_sentence(tmp_path, catalog):
    folder = tmp_path / "warehouse"
    with Lake.create(folder, catalog=catalog) as lake:
        lake.append((PROMPTS, PROMPTS.rows(some_prompts(3))))
    with read_only(folder):
        done = _run(APPEND, folder, without_root_powers())
    assert (done.returncode, done.stderr) == (1, f"{folder} cannot be written; check its permissions.\n")
    with Lake.open(folder) as lake:
        assert lake.append((PROMPTS, PROMPTS.rows(some_prompts(4)))) == [1]


def test_a_folder_that_cannot_be_made_is_one_sentence(tmp_path):
    folder = tmp_path / "warehouse"
    with read_only(tmp_path):
        done = _run(APPEND.replace("Lake.open", "Lake.create"), folder, without_root_powers())
    assert (done.returncode, done.stderr) == (1, f"{folder} cannot be written; check its permissions.\n")


@pytest.mark.parametrize("catalog", ["sqlite", "duckdb"])
def test_a_disk_that_is_full_is_one_sentence_and_nothing_is_half_written(tmp_path, catalog):
    with small_disk(tmp_path / "disk", "16m") as disk:
        with Lake.create(disk / "warehouse", catalog=catalog) as lake:
            lake.append((PROMPTS, PROMPTS.rows(some_prompts(3))))
        with filled(disk, 200_000):
            done = _run(APPEND, disk / "warehouse")
        assert done.returncode == 1
        assert done.stderr == f"The disk of {disk / 'warehouse'} is full; free some space and run the command again.\n"
        with Lake.open(disk / "warehouse") as lake:
            assert lake.read(PROMPTS).num_rows == 3
            assert lake.append((PROMPTS, PROMPTS.rows(some_prompts(4)))) == [1]


def test_a_disk_that_is_full_to_the_last_byte_is_one_sentence(tmp_path):
    """Not even the catalogue's log can grow."""
    with small_disk(tmp_path / "disk", "4m") as disk:
        with Lake.create(disk / "warehouse") as lake:
            lake.append((PROMPTS, PROMPTS.rows(some_prompts(3))))
        with filled(disk, 0):
            done = _run(APPEND, disk / "warehouse")
        assert done.returncode == 1
        assert done.stderr.endswith("free some space and run the command again.\n")
        assert "Traceback" not in done.stderr
        assert _run(READ, disk / "warehouse").stdout == "3\n"


def test_a_journal_on_a_full_disk_is_one_sentence_and_keeps_what_it_has(tmp_path):
    Lake.create(tmp_path / "warehouse").close()
    done = _run(JOURNAL, tmp_path / "warehouse")
    assert done.stderr.endswith("is full; free some space and run the command again.\n"), done.stderr
    assert "Traceback" not in done.stderr
    with Lake.open(tmp_path / "warehouse") as lake:
        assert 0 < lake.read(PROMPTS).num_rows < 100


ACTIONS = ("import", "publish", "compact", "gc", "export")


def act(action: str, folder: Path) -> None:
    """One action of a user, which needs some hundred kilobytes of disk."""
    with Lake.open(folder) as lake:
        match action:
            case "import":
                import_paths(lake, Trl(), [folder.with_name("votes.jsonl")])
            case "publish":
                publish(lake, draft(some_pairs(lake, 5000)))
            case "compact":
                compact(lake)
            case "gc":
                collect(lake, garbage(lake, timedelta(0)))
            case "export":
                export(lake, find_version(lake, "hand@2"), folder.with_name("exported"))


def _prepared(root):
    """A warehouse whose compaction and export are no small matter, with garbage, beside a file to import."""
    with Lake.create(root / "warehouse") as lake:
        pairs = some_pairs(lake, 4000)
        publish(lake, draft(pairs[:2000]))
        compact(lake)
        publish(lake, draft(pairs[:3999]))
        lake.append((PROMPTS, PROMPTS.rows(some_prompts(4001))))
    records = [{"prompt": os.urandom(200).hex(), "chosen": "yes", "rejected": "no"} for _ in range(4000)]
    (root / "votes.jsonl").write_text("".join(json.dumps(record) + "\n" for record in records))
    return root / "warehouse"


@pytest.mark.parametrize("free", [150_000, 0])
def test_no_action_on_a_full_disk_leaves_anything_half_written(tmp_path, free):
    with small_disk(tmp_path / "disk", "24m") as disk:
        folder = _prepared(disk)
        before = state(folder)
        for action in ACTIONS:
            with filled(disk, free):
                done = _act(action, folder)
            # What removes files makes room, and what merges few of them needs little.
            assert done.returncode == 1 or action == "gc" or (action == "compact" and free), (action, done)
            assert done.returncode == 0 or _is_sentence(done.stderr, "free some space"), (action, done.stderr)
            assert not disk.joinpath("exported").exists()
            assert not list(disk.glob(".exported*"))
            seen = state(folder)
            for table, keys in before.items():  # texts of a version are appended before it is published
                assert set(keys) <= set(seen[table]), (action, table)
            assert seen["datasets"] == before["datasets"]
            assert not seen["votes"]
        check(folder)
        check_files(folder)
        for action in ACTIONS:
            act(action, folder)
        check(folder)


def test_no_action_in_a_read_only_folder_changes_anything(tmp_path):
    folder = _prepared(tmp_path)
    before = state(folder)
    for action in ACTIONS:
        with read_only(tmp_path):
            done = _act(action, folder, without_root_powers())
        assert done.returncode == 1, action
        assert _is_sentence(done.stderr, "check its permissions"), (action, done.stderr)
        assert not (tmp_path / "exported").exists()
    assert state(folder) == before
    check(folder)
    check_files(folder)


def test_an_export_into_a_closed_folder_is_one_sentence(tmp_path):
    folder = _prepared(tmp_path)
    (tmp_path / "shut").mkdir()
    with read_only(tmp_path / "shut"):
        command = ["-m", "flows", "export", "hand@1", tmp_path / "shut" / "out", "-w", folder]
        done = subprocess.run(
            [*without_root_powers(), sys.executable, *command], capture_output=True, text=True, timeout=120, check=False
        )
    assert done.returncode == 1
    assert _is_sentence(done.stderr, "cannot be written"), done.stderr


def test_output_that_has_no_room_is_one_sentence(lake):
    with Path("/dev/full").open("w") as full:
        command = [sys.executable, "-m", "flows", "sql", "from range(100000)", "--format", "csv", "-w", lake.folder]
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, timeout=120, check=False)
    assert done.returncode == 1
    assert _is_sentence(done.stderr, "full disk"), done.stderr


def test_a_query_leaves_half_of_the_disk_free(tmp_path, lake, monkeypatch):
    with small_disk(tmp_path / "disk", "60m") as disk:
        monkeypatch.setattr("tempfile.tempdir", str(disk))
        sort = "select max(n) from (select row_number() over (order by hash(range)) as n from range(20000000))"
        with (
            reading(lake.folder, memory="60MB") as reader,
            pytest.raises(PrefineryError, match=r"failed to offload.*free some of the disk"),
            reader.ask(sort) as answer,
        ):
            answer.rows()
        assert not list(disk.iterdir())


def _act(action, folder, before=()):
    command = [*before, sys.executable, "-m", "tests.warehouse.test_faults", action, str(folder)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


def _is_sentence(errors, part):
    return errors.count("\n") == 1 and part in errors


if __name__ == "__main__":
    try:
        act(sys.argv[1], Path(sys.argv[2]))
    except PrefineryError as error:
        sys.exit(str(error))
