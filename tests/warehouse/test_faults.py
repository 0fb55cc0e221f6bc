"""Storage that fails: one sentence, nothing half-written, and the warehouse opens afterwards."""

import os
import shutil
import subprocess
import sys
from contextlib import contextmanager

import pytest

from schemas.prompts import PROMPTS
from tests.rows import some_prompts
from warehouse.lake import Lake

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


def _without_root_powers():
    """What to write before a command so that permissions bind it, even for root."""
    if os.geteuid() != 0:
        return []
    if shutil.which("setpriv") is None:
        pytest.skip("permissions do not bind root, and setpriv is not installed")
    powers = "-dac_override,-dac_read_search"
    return ["setpriv", f"--bounding-set={powers}", f"--inh-caps={powers}"]


@contextmanager
def _read_only(folder):
    modes = {path: path.stat().st_mode for path in (folder, *folder.rglob("*"))}
    for path, mode in modes.items():
        path.chmod(mode & ~0o222)
    try:
        yield
    finally:
        for path, mode in modes.items():
            path.chmod(mode)


@contextmanager
def _small_disk(folder, size):
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={size}", "none", str(folder)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("only root can mount a small disk")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


@pytest.mark.parametrize("catalog", ["sqlite", "duckdb"])
def test_a_read_only_folder_is_one_sentence(tmp_path, catalog):
    folder = tmp_path / "warehouse"
    with Lake.create(folder, catalog=catalog) as lake:
        lake.append((PROMPTS, PROMPTS.rows(some_prompts(3))))
    with _read_only(folder):
        done = _run(APPEND, folder, _without_root_powers())
    assert (done.returncode, done.stderr) == (1, f"{folder} cannot be written; check its permissions.\n")
    with Lake.open(folder) as lake:
        assert lake.append((PROMPTS, PROMPTS.rows(some_prompts(4)))) == [1]


def test_a_folder_that_cannot_be_made_is_one_sentence(tmp_path):
    folder = tmp_path / "warehouse"
    with _read_only(tmp_path):
        done = _run(APPEND.replace("Lake.open", "Lake.create"), folder, _without_root_powers())
    assert (done.returncode, done.stderr) == (1, f"{folder} cannot be written; check its permissions.\n")


@pytest.mark.parametrize("catalog", ["sqlite", "duckdb"])
def test_a_disk_that_is_full_is_one_sentence_and_nothing_is_half_written(tmp_path, catalog):
    with _small_disk(tmp_path / "disk", "16m") as disk:
        with Lake.create(disk / "warehouse", catalog=catalog) as lake:
            lake.append((PROMPTS, PROMPTS.rows(some_prompts(3))))
        ballast = disk / "ballast"
        ballast.write_bytes(bytes(shutil.disk_usage(disk).free - 200_000))
        done = _run(APPEND, disk / "warehouse")
        assert done.returncode == 1
        assert done.stderr == f"The disk of {disk / 'warehouse'} is full; free some space and run the command again.\n"
        ballast.unlink()
        with Lake.open(disk / "warehouse") as lake:
            assert lake.read(PROMPTS).num_rows == 3
            assert lake.append((PROMPTS, PROMPTS.rows(some_prompts(4)))) == [1]


def test_a_disk_that_is_full_to_the_last_byte_is_one_sentence(tmp_path):
    """Not even the catalogue's log can grow."""
    with _small_disk(tmp_path / "disk", "4m") as disk:
        with Lake.create(disk / "warehouse") as lake:
            lake.append((PROMPTS, PROMPTS.rows(some_prompts(3))))
        ballast = disk / "ballast"
        ballast.write_bytes(bytes(shutil.disk_usage(disk).free))
        done = _run(APPEND, disk / "warehouse")
        assert done.returncode == 1
        assert done.stderr.endswith("free some space and run the command again.\n")
        assert "Traceback" not in done.stderr
        ballast.unlink()
        assert _run(READ, disk / "warehouse").stdout == "3\n"


def test_a_journal_on_a_full_disk_is_one_sentence_and_keeps_what_it_has(tmp_path):
    Lake.create(tmp_path / "warehouse").close()
    done = _run(JOURNAL, tmp_path / "warehouse")
    assert done.stderr.endswith("is full; free some space and run the command again.\n"), done.stderr
    assert "Traceback" not in done.stderr
    with Lake.open(tmp_path / "warehouse") as lake:
        assert 0 < lake.read(PROMPTS).num_rows < 100
