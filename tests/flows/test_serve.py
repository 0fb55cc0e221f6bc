"""Publishing a version starts its retraining, once."""

import json
import signal
import subprocess
import sys
import time
from urllib.request import Request, urlopen

import pytest

from flows.server import START_TIMEOUT_S
from tests.flows.conftest import Shell

PATIENCE = """
from flows.server import quiet_prefect
quiet_prefect()
from prefect.settings import get_current_settings
print(get_current_settings().server.ephemeral.startup_timeout_seconds)
"""


def _retrainings(api):
    asked = Request(
        f"{api}/flow_runs/filter",
        data=json.dumps({"flows": {"name": {"any_": ["retrain"]}}}).encode(),
        headers={"Content-Type": "application/json"},
    )
    with urlopen(asked, timeout=10) as reply:
        return [run["state_name"] for run in json.load(reply)]


def _eventually(what, seconds):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if found := what():
            return found
        time.sleep(1)
    raise AssertionError("it did not happen in time")


@pytest.mark.slow
def test_a_published_version_is_retrained_on_once(tmp_path, recipe, comparisons):
    prefinery = Shell(tmp_path / "warehouse")
    prefinery("import", "hh_rlhf", comparisons)
    with prefinery.start("serve", recipe) as server:
        try:
            assert server.stdout.readline().startswith("Serving")
            note = prefinery.warehouse / "prefect.json"
            api = json.loads(note.read_text())["api"]
            _eventually(lambda: _deployments(api) == 2, 60)
            assert prefinery("run", recipe, "--set", "train=[]").stdout.split() == ["votes@1"]
            _eventually(lambda: _retrainings(api) == ["Completed"], 150)
            assert prefinery.rows("select dataset, version, kind from models") == [
                {"dataset": "votes", "version": 1, "kind": "reward"}
            ]
            prefinery("run", recipe, "--set", "train=[]")
            time.sleep(6)
            assert _retrainings(api) == ["Completed"]
        finally:
            server.send_signal(signal.SIGINT)
            server.communicate(timeout=150)
    assert not note.exists()


def _deployments(api):
    with urlopen(
        Request(f"{api}/deployments/count", data=b"{}", headers={"Content-Type": "application/json"})
    ) as reply:
        return json.load(reply)


def test_prefects_temporary_server_may_start_as_slowly_as_our_own():
    asked = subprocess.run([sys.executable, "-c", PATIENCE], capture_output=True, text=True, check=True)
    assert float(asked.stdout) == START_TIMEOUT_S
