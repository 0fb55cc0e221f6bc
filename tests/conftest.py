"""Shared ground: an empty warehouse, the real data, and a few rows made by hand."""

import os
import shutil
from pathlib import Path

import pytest
from hypothesis import settings

from flows.server import prefect_server
from warehouse.lake import Lake

# Read when torch is loaded, here or in a process that a test starts: idle threads sleep instead of spinning.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

settings.register_profile("patient", deadline=None, max_examples=50)
settings.load_profile("patient")

ROOT = Path(__file__).parents[1]
LONGEST = (
    "flows/test_resume", "curation/engines/test_openai", "flows/test_serve", "training/test_online", "test_readme",
    "training/test_resume", "warehouse/test_concurrency", "training/test_processes", "warehouse/test_kills",
    "curation/engines/test_ray", "curation/engines/test_vllm", "curation/judges/test_attacks",
    "warehouse/test_time_travel", "warehouse/test_collect",
)  # fmt: skip
"""Files that are begun first, so that no process is left alone with one at the end."""
SHARED = Path(os.environ.get("PREFINERY_SHARED", ROOT.parent / "shared"))


def pytest_collection_modifyitems(items):
    """The longest files first, the others as they are."""
    places = {ROOT / "tests" / f"{name}.py": place for place, name in enumerate(LONGEST)}
    items.sort(key=lambda item: places.get(item.path, len(LONGEST)))


@pytest.fixture(scope="session")
def prefect_api(tmp_path_factory):
    """One Prefect server for all tests that run flows: a start takes several seconds."""
    with prefect_server(tmp_path_factory.mktemp("prefect")) as api:
        yield api


@pytest.fixture(scope="session")
def empty_warehouse(tmp_path_factory):
    """A new warehouse, closed. Tests take copies of it: to make one costs ten times as much as to copy and open it."""
    with Lake.create(tmp_path_factory.mktemp("empty") / "warehouse") as made:
        return made.folder


@pytest.fixture
def lake(tmp_path, empty_warehouse):
    with Lake.open(shutil.copytree(empty_warehouse, tmp_path / "warehouse")) as opened:
        yield opened


@pytest.fixture
def real_data():
    folder = SHARED / "data"
    if not folder.is_dir():
        pytest.skip("the real data sets are not here; name their parent folder in PREFINERY_SHARED")
    return folder


def pytest_terminal_summary(terminalreporter):
    """Figures that tests record are part of what a test run reports."""
    for report in terminalreporter.stats.get("passed", []):
        for name, value in report.user_properties:
            terminalreporter.line(f"{name}: {value}")
