"""SIGKILL at each named point of import, publish, compaction and collection: the warehouse stays whole."""

import json
import os
import shutil
import signal
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from curation import batches, importing
from curation.importers.trl import Trl
from curation.importing import import_paths
from schemas.prompts import PROMPTS
from schemas.votes import VOTES
from tests.rows import draft, some_pairs, some_prompts
from tests.whole import check, check_files, state
from warehouse.collect import collect, compact, garbage
from warehouse.failpoints import VARIABLE
from warehouse.lake import Lake
from warehouse.versions import publish

BATCH, RECORDS = 2, 12
"""Records of one commit of the import, and of its file."""
NOW = timedelta(0)


def do(action: str, folder: Path) -> None:
    """What is killed. It is also run whole, to know what it would have come to."""
    with Lake.open(folder) as lake:
        match action:
            case "import":
                batches.BATCH_RECORDS, importing.COMMIT_BYTES = BATCH, 1
                import_paths(lake, Trl(), [folder.with_name("votes.jsonl")])
            case "publish":
                publish(lake, draft(some_pairs(lake, 5)[:4]))
            case "compact":
                compact(lake)
            case "gc":
                collect(lake, garbage(lake, NOW))


@pytest.fixture(scope="module")
def before(tmp_path_factory):
    """A warehouse with versions, snapshots of none, small files, replaced ones and an orphan; and a file to import."""
    root = tmp_path_factory.mktemp("before")
    records = [{"prompt": f"{number}?", "chosen": "yes", "rejected": "no"} for number in range(RECORDS)]
    (root / "votes.jsonl").write_text("".join(json.dumps(record) + "\n" for record in records))
    with Lake.create(root / "warehouse") as lake:
        pairs = some_pairs(lake, 5)
        for number in (1, 2, 3):
            publish(lake, draft(pairs[:number]))
            compact(lake)
            lake.append((PROMPTS, PROMPTS.rows(some_prompts(10 + number))))
    (root / "warehouse/data/main/pairs/left-by-a-killed-writer.parquet").write_bytes(b"half a file")
    return root


@pytest.fixture(scope="module")
def after(before, tmp_path_factory):
    """What each action makes of that warehouse when nothing stops it."""

    def done(action):
        root = copied(before, tmp_path_factory.mktemp(action))
        do(action, root / "warehouse")
        return state(root / "warehouse")

    with pytest.MonkeyPatch.context() as patch:  # `do` sets them for its process
        patch.setattr(batches, "BATCH_RECORDS", batches.BATCH_RECORDS)
        patch.setattr(importing, "COMMIT_BYTES", importing.COMMIT_BYTES)
        return {action: done(action) for action in ("import", "publish", "compact", "gc")}


def copied(before, root):
    return shutil.copytree(before, root, dirs_exist_ok=True)


def killed(action, point, folder):
    """Run an action in a process of its own, which dies at a point; it does not get there otherwise."""
    command = [sys.executable, "-m", "tests.warehouse.test_failpoints", action, str(folder)]
    done = subprocess.run(
        command, env=os.environ | {VARIABLE: point}, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == -signal.SIGKILL, (done.returncode, done.stderr)


def goes_on(action, folder, whole):
    """Nothing is broken, and the same action done again comes to the same as if it had never been killed."""
    check(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(batches, "BATCH_RECORDS", BATCH)
        patch.setattr(importing, "COMMIT_BYTES", 1)
        do(action, folder)
    check_files(folder)
    assert state(folder) == whole


COMMITS = RECORDS // BATCH


@pytest.mark.parametrize(
    ("point", "commits"),
    [
        ("before write:1", 0),
        ("after write:3", 0),
        ("after commit:1", 1),
        ("before commit:3", 2),
        ("after commit:3", 3),
        (f"before commit:{COMMITS}", COMMITS - 1),
    ],
)
def test_an_import(before, after, tmp_path, point, commits):
    """The commits run in a thread of their own, beside the one that reads."""
    folder = copied(before, tmp_path) / "warehouse"
    killed("import", point, folder)
    with Lake.open(folder, read_only=True) as lake:
        assert lake.read(VOTES).num_rows == commits * BATCH
        asked = {row["messages"][0]["content"] for row in lake.read(PROMPTS).to_pylist() if row["source"] == "trl"}
    assert asked == {f"{number}?" for number in range(commits * BATCH)}
    goes_on("import", folder, after["import"])


@pytest.mark.parametrize(
    ("action", "point", "is_done"),
    [
        ("publish", "before write:1", False),
        ("publish", "before commit:2", False),
        ("publish", "after commit:2", True),
        ("publish", "before seal", True),
        ("publish", "after seal", True),
        ("compact", "before merge", True),
        ("compact", "after merge", True),
        ("compact", "before seal", True),
        ("compact", "after commit", True),
        ("gc", "before cleanup", True),
        ("gc", "after cleanup", True),
        ("gc", "before expire", True),
        ("gc", "after expire", True),
    ],
)
def test_an_action(before, after, tmp_path, action, point, is_done):
    """What a reader sees is all of it or nothing; a compaction and a collection change nothing that anybody sees."""
    folder = copied(before, tmp_path) / "warehouse"
    killed(action, point, folder)
    assert state(folder) == (after[action] if is_done else state(before / "warehouse"))
    goes_on(action, folder, after[action])


def test_a_replaced_file_that_is_gone_already_does_not_stop_a_collection(before, tmp_path):
    """A collection removes files before the catalogue forgets them: between the two it may be killed."""
    folder = copied(before, tmp_path) / "warehouse"
    with Lake.open(folder) as lake:
        found = garbage(lake, NOW)
        Path(found.replaced[0]).unlink()
        collect(lake, found)
    check(folder)
    check_files(folder)


if __name__ == "__main__":
    do(sys.argv[1], Path(sys.argv[2]))
