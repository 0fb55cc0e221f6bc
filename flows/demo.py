"""The whole loop in the sandbox, offline: two days of prompts, two versions, and a retraining that nobody asked for."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from curation.local_server import stop
from flows.curate import curate
from flows.evaluate import evaluate
from flows.recipe import load
from flows.report import print_summary, write_report
from flows.retrain import retrain, untrained
from flows.sandbox import HELD_OUT, RECIPE, prompts, ready_sandbox, write_prompts
from flows.server import prefect_server
from schemas.errors import UpstreamError
from training.progress import shown
from warehouse.lake import Lake
from warehouse.versions import find_version

RETRAIN_TIMEOUT_S = 900.0
EXPECTED_RETRAIN_S = 60.0
"""Scale of the waiting bar: about what retraining takes on two cores."""
HELD_OUT_SOURCE = "sandbox/held-out"


def run_demo(warehouse: Path, *, daily: int, held_out: int) -> Path:
    """Run the main job with `daily` new prompts on each of two days, evaluated on `held_out` others.

    Returns the path of the report. A second run repeats no model call.
    """
    started = time.monotonic()
    Lake.create(warehouse).con.close()
    where, recipe = str(warehouse.resolve()), str(RECIPE)
    with prefect_server(warehouse):
        ready_sandbox()
        curate(recipe, where, _imports(warehouse, HELD_OUT_SOURCE, 0, held_out) | NO_STAGES)
        first = _day(warehouse, 1, daily)
        retrain(first, recipe, where)
        with _serving(warehouse):
            second = _day(warehouse, 2, daily)
            _await_retraining(warehouse, second)
        evaluate(recipe, where, [first, second], HELD_OUT_SOURCE)
    report = warehouse / "report.html"
    with Lake.open(warehouse, read_only=True) as lake:
        print_summary(lake, [first, second])
        write_report(lake, [first, second], report, seconds=time.monotonic() - started)
    sys.stdout.write(f"report: {report}\n")
    return report


NO_STAGES: dict[str, Any] = {"prompts": None, "generate": None, "judges": [], "pair": None, "publish": None}
"""Overrides that leave only the import of a recipe."""


def _day(warehouse: Path, day: int, count: int) -> str:
    """A day's data flow: import its prompts, and run the recipe on all prompts up to this day."""
    first = HELD_OUT + count * (day - 1)
    imports = _imports(warehouse, f"sandbox/day-{day}", first, count)
    so_far = {"prompts.sources": [f"sandbox/day-{d}" for d in range(1, day + 1)]}
    label = curate(str(RECIPE), str(warehouse.resolve()), imports | so_far)
    assert label is not None
    return label


def _imports(warehouse: Path, source: str, first: int, count: int) -> dict[str, Any]:
    """The override that lets a recipe import some of the sandbox's prompts."""
    path = write_prompts(warehouse / "inputs" / f"{Path(source).name}.jsonl", prompts(first, count)).resolve()
    return {"imports": [{"format": {"name": "prompts", "source": source}, "paths": [str(path)]}]}


@contextmanager
def _serving(warehouse: Path) -> Iterator[None]:
    """`prefinery serve` beside us, as a user would run it: it listens for new versions and retrains."""
    with (warehouse / "prefect" / "serve.log").open("ab") as log:
        command = [sys.executable, "-m", "flows", "serve", str(RECIPE), "--warehouse", str(warehouse.resolve())]
        server = subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
    try:
        yield
    finally:
        stop(server)


def _await_retraining(warehouse: Path, label: str) -> None:
    """Wait until the triggered run has entered its models in the books."""
    started = time.monotonic()
    recipe = load(RECIPE)
    with shown() as report, Lake.open(warehouse, read_only=True) as lake:
        version = find_version(lake, label)
        while (waited := time.monotonic() - started) < RETRAIN_TIMEOUT_S:
            if not untrained(lake, recipe, version):
                return
            done = min(waited, EXPECTED_RETRAIN_S - 1)
            report(f"retrain on {label} (triggered)", int(done), int(EXPECTED_RETRAIN_S))
            time.sleep(2)
    log = warehouse / "prefect" / "serve.log"
    raise UpstreamError(f"{label} was not retrained on within {RETRAIN_TIMEOUT_S:.0f} s; the reason is in {log}.")
