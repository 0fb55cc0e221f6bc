"""Extensions are checked once for each file, and a file that changed is never loaded unchecked."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LOAD = """
import duckdb
from warehouse.extensions import duckdb_with
con = duckdb_with("sqlite_scanner")
print(con.execute("select current_setting('allow_unsigned_extensions')").fetchone()[0])
"""


def loaded(home: Path) -> str:
    """Whether a new process loads the extension without a check of its signature."""
    environment = {"HOME": str(home), "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", LOAD]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout.strip()


@pytest.fixture
def extension(tmp_path: Path) -> Path:
    assert loaded(tmp_path) == "False", "what is new is checked"
    (found,) = tmp_path.glob(".duckdb/extensions/*/*/sqlite_scanner.duckdb_extension")
    return found


def test_an_extension_is_checked_once(extension: Path, tmp_path: Path) -> None:
    assert loaded(tmp_path) == "True"
    extension.touch()
    assert loaded(tmp_path) == "False", "what was touched is checked again"
    assert loaded(tmp_path) == "True"


def test_an_extension_that_changed_is_not_loaded(extension: Path, tmp_path: Path) -> None:
    right = extension.read_bytes()
    middle = len(right) // 2
    extension.write_bytes(right[:middle] + bytes([right[middle] ^ 1]) + right[middle + 1 :])
    assert loaded(tmp_path) == "False"
    assert extension.read_bytes() == right, "the signed one has taken its place"
