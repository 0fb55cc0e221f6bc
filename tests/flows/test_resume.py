"""A run that is killed is finished by the same command: no finished call is lost or made twice."""

import os
import signal
import time

import pytest

from flows.sandbox import HELD_OUT, RECIPE, prompts, write_prompts
from tests.flows.conftest import Shell

PROMPTS = 60
FEW_MODELS = ["--set", "generate.models=[sandbox/base]", "--set", "train=[]"]


@pytest.mark.slow
def test_a_killed_run_resumes_to_the_same_fingerprint(tmp_path, prefect_api):
    file = write_prompts(tmp_path / "prompts.jsonl", prompts(HELD_OUT, PROMPTS))
    whole, killed = (Shell(tmp_path / name, prefect_api) for name in ("whole", "killed"))
    for shell in (whole, killed):
        shell("import", "prompts", file, "--source", "sandbox/day-1")
    assert whole("run", RECIPE, *FEW_MODELS).stdout.split() == ["demo@1"]
    _kill_while_judging(killed)
    judged = _journalled(killed)
    assert killed("run", RECIPE, *FEW_MODELS).stdout.split() == ["demo@1"]

    calls = (
        "select call_id, count(*) as n, any_value(raw_text) as raw_text from calls group by call_id order by call_id"
    )
    after = killed.rows(calls)
    assert {row["n"] for row in after} == {1}
    assert after == whole.rows(calls)
    made = killed.rows("select sum(calls_made)::bigint as n from runs")[0]["n"]
    assert made == len(after) - judged
    fingerprint = "select fingerprint from datasets"
    assert killed.rows(fingerprint) == whole.rows(fingerprint)
    dropped = "select stage, reason, row_id from drops semi join datasets using (run_id) order by all"
    assert killed.rows(dropped) == whole.rows(dropped) != []


def _kill_while_judging(shell):
    """Kill the run as soon as verdicts are finished and others are missing."""
    with shell.start("run", RECIPE, *FEW_MODELS, start_new_session=True) as run:
        while not _journalled(shell):
            assert run.poll() is None, "the run ended before it could be killed"
            time.sleep(0.02)
        os.killpg(run.pid, signal.SIGKILL)
        run.communicate()


def _journalled(shell):
    """Finished verdicts that are not yet committed: whole lines of the journal."""
    files = (shell.warehouse / "journal").glob("*.jsonl")
    lines = [line for file in files for line in file.read_text().splitlines(keepends=True)]
    return sum('"purpose":"judge' in line for line in lines if line.endswith("\n"))
