"""The README is true: every shell block of it runs, in order, in one place."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT, SHARED

README = (ROOT / "README.md").read_text()
BLOCKS = re.findall(r"```sh\n(.*?)```", README, re.DOTALL)


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    folder = tmp_path_factory.mktemp("readme")
    (folder / "flows").symlink_to(ROOT / "flows")
    return folder


@pytest.mark.parametrize("number", range(len(BLOCKS)))
def test_a_shell_block_runs(place, number, prefect_api):
    if not (SHARED / "data").is_dir():
        pytest.skip("the real data sets are not here; name their parent folder in PREFINERY_SHARED")
    scripts = Path(sys.executable).parent
    env = os.environ | {
        "PATH": f"{scripts}:{os.environ['PATH']}",
        "DATA": str(SHARED / "data"),
        "PREFECT_API_URL": prefect_api,
    }
    done = subprocess.run(
        ["bash", "-e", "-u", "-o", "pipefail", "-c", BLOCKS[number]],
        cwd=place, env=env, capture_output=True, text=True, timeout=280, check=False,
    )  # fmt: skip
    assert done.returncode == 0, f"{BLOCKS[number]}\n{done.stdout}\n{done.stderr}"


def test_the_two_commands_are_targets_of_the_makefile():
    assert "make demo\nmake test\n" in README
    done = subprocess.run(["make", "-n", "demo", "test"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "prefinery demo" in done.stdout
    assert "pytest" in done.stdout


@pytest.mark.parametrize("link", re.findall(r"\]\(([^)]+)\)", README))
def test_a_link_leads_somewhere(link):
    assert (ROOT / link).exists()
