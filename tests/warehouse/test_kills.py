"""SIGKILL at random moments of import, publish, compaction and collection: the warehouse stays whole."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path

import pytest

from schemas.pairs import PAIRS
from schemas.prompts import PROMPTS
from tests.rows import draft, some_pairs
from tests.whole import check, check_files
from warehouse.collect import collect, garbage
from warehouse.digests import verify
from warehouse.lake import Lake
from warehouse.versions import members, versions

KILLS = int(os.environ.get("PREFINERY_KILLS", "12"))
"""The long form kills 200 times."""
FILE = 6
"""Records of a file to import."""
ROUNDS = 40
"""What the killed process would do if it were left alone."""


def work(folder: Path, first: int) -> None:
    """Import, publish, compact and collect, over and over; say what is finished the moment it is."""
    from curation import batches, importing
    from curation.importers.prompts import Prompts
    from warehouse.collect import compact
    from warehouse.versions import publish

    batches.BATCH_RECORDS, importing.COMMIT_BYTES = 2, 1  # many commits
    file = folder.with_name("prompts.jsonl")
    with Lake.create(folder) as lake:
        for number in range(first, first + ROUNDS):
            file.write_text("".join(json.dumps({"prompt": f"{number}.{part}?"}) + "\n" for part in range(FILE)))
            importing.import_paths(lake, Prompts(), [file])
            sys.stdout.write(json.dumps({"read": number}) + "\n")
            sys.stdout.flush()
            pairs = some_pairs(lake, number)
            sys.stdout.write(json.dumps({"imported": number}) + "\n")
            sys.stdout.flush()
            label = publish(lake, draft(pairs)).version.label
            sys.stdout.write(json.dumps({"published": label, "pairs": number}) + "\n")
            sys.stdout.flush()
            if number % 3 == 0:
                compact(lake)
                collect(lake, garbage(lake, timedelta(0)))


@pytest.mark.slow
def test_a_warehouse_survives_being_killed(tmp_path):
    """Nothing committed is lost, nothing half-done is visible, and no orphan survives a collection."""
    folder, rng = tmp_path / "warehouse", random.Random(11)
    promised: dict[str, int] = {}
    imported = 0
    read: set[int] = set()
    for _ in range(KILLS):
        for line in _killed(folder, imported + 1, rng.uniform(0.1, 1.5)):
            imported = max(imported, line.get("imported", 0))
            if "read" in line:
                read.add(line["read"])
            if "published" in line:
                promised[line["published"]] = line["pairs"]
        _check(folder, promised, imported, read)
    check_files(folder)
    _check(folder, promised, imported, read)
    check(folder)
    assert imported > KILLS / 2


def _killed(folder: Path, first: int, after_s: float) -> list[dict]:
    """What a worker says until it is killed, so many seconds after its first word."""
    command = [sys.executable, "-m", "tests.warehouse.test_kills", str(folder), str(first)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        said = [process.stdout.readline()]
        time.sleep(after_s)
        process.send_signal(signal.SIGKILL)
        said += process.stdout.read().splitlines(keepends=True)
    return [json.loads(line) for line in said if line.endswith("\n")]


def _check(folder: Path, promised: dict[str, int], imported: int, read: set[int]) -> None:
    with Lake.open(folder, read_only=True) as lake:
        published = {version.label: version for version in versions(lake)}
        assert promised.keys() <= published.keys()
        for label, pairs in promised.items():
            assert published[label].n_pairs == pairs
        for version in published.values():
            assert members(lake, version.dataset, version.version).num_rows == version.n_pairs
        last = list(published.values())[-1:]
        assert [damage for version in last for damage in verify(lake, version)] == []
        ids = lake.read(PAIRS).column("pair_id").to_pylist()
        assert len(ids) == len(set(ids))
        texts = [row["messages"][0]["content"] for row in lake.read(PROMPTS).to_pylist()]
        assert len(texts) == len(set(texts))
        assert {f"Say {number}." for number in range(imported)} <= set(texts)
        assert {f"{number}.{part}?" for number in read for part in range(FILE)} <= set(texts)


if __name__ == "__main__":
    work(Path(sys.argv[1]), int(sys.argv[2]))
