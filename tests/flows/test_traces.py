"""Diff, lineage, show and drop-source as commands."""

import json
import shutil
import time
from urllib.request import Request, urlopen

import pytest
from typer.testing import CliRunner

from curation.importers import IMPORTERS
from curation.importing import import_paths
from flows.__main__ import app
from flows.curate import curate_into
from flows.recipe import load
from schemas.errors import PrefineryError
from tests.flows.conftest import write_comparisons, write_recipe
from warehouse import query
from warehouse.lake import Lake

OTHER = 10
"""Comparisons of the source `late`."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """`votes@1` of seventy comparisons, and `votes@2` with ten more of another source."""
    tmp_path = tmp_path_factory.mktemp("traces")
    lines = write_comparisons(tmp_path / "all.jsonl").read_text().splitlines(keepends=True)
    recipe = load(write_recipe(tmp_path / "r.yaml"), {"prompts.sources": ["early", "late"], "train": []})
    with Lake.create(tmp_path / "w") as lake:
        for source, part in (("early", lines[:-OTHER]), ("late", lines[-OTHER:])):
            (tmp_path / f"{source}.jsonl").write_text("".join(part))
            import_paths(lake, IMPORTERS.build({"name": "hh_rlhf", "source": source}), [tmp_path / f"{source}.jsonl"])
            curate_into(lake, recipe)
    return tmp_path / "w"


@pytest.fixture
def own(folder, tmp_path):
    """The same warehouse for one test alone."""
    return shutil.copytree(folder, tmp_path / "w")


def prefinery(folder, *arguments, fails=None):
    """Standard output of a command; with `fails`, the sentence of the error."""
    done = CliRunner().invoke(app, [*arguments, "--warehouse", str(folder)], env={"COLUMNS": "120"})
    if fails:
        assert isinstance(done.exception, PrefineryError), done.output
        assert fails in str(done.exception)
    else:
        assert done.exit_code == 0, (done.output, done.exception)
    return done.stdout


def rows(folder, *arguments):
    return json.loads(prefinery(folder, *arguments, "--format", "json"))


def width(text):
    return max(map(len, text.splitlines()))


def test_diff_says_why_in_a_table_that_fits_and_all_in_json(folder):
    table = prefinery(folder, "diff", "votes@1", "votes@2", "--limit", "3")
    assert width(table) <= 200
    assert table.split()[:4] == ["change", "pair", "was", "cause"]
    assert table.count("added") == 3
    found = rows(folder, "diff", "votes@1", "votes@2")
    assert {(row["change"], row["cause"]) for row in found} == {
        ("added", "rule majority on new verdicts of hh_rlhf/crowd, imported as late; prompts imported as late")
    }
    assert {"pair_id", "margin_was", "margin", "cause"} <= found[0].keys()
    assert [row["pairs"] for row in rows(folder, "diff", "votes@1", "votes@2", "--counts")] == [OTHER]
    prefinery(folder, "diff", "votes@1", "vtes@2", fails="Did you mean 'votes@")


def test_lineage_of_a_pair_by_its_short_id(folder):
    (pair,) = query(folder, "select pair_id from pairs order by pair_id limit 1").to_pylist()
    table = prefinery(folder, "lineage", pair["pair_id"][:8])
    assert width(table) <= 200
    assert table.split()[:7] == ["step", "side", "id", "made_by", "source", "what", "cost_usd"]
    steps = rows(folder, "lineage", pair["pair_id"])
    assert [step["step"] for step in steps] == ["prompt", "prompt", "response", "response", "vote"]
    assert {"template", "revision", "reply"} <= steps[0].keys()
    prefinery(folder, "lineage", "0", fails="Several pairs begin with 0")
    prefinery(folder, "lineage", "no pair", fails="There is no pair")


def test_lineage_of_a_version_and_of_a_name(folder):
    held = {(row["kind"], row["name"]): row["pairs"] for row in rows(folder, "lineage", "votes@2")}
    assert (held["source", "early"], held["source", "late"]) == (70, OTHER)
    assert rows(folder, "lineage", "late", "--kind", "source") == [
        {"dataset": "votes", "version": 2, "pairs": OTHER, "models": []}
    ]
    assert rows(folder, "lineage", "nobody", "--kind", "user") == []
    prefinery(folder, "lineage", "late", "--kind", "sorce", fails="Did you mean 'source'?")


def test_show_names_recipe_run_and_message(folder):
    facts = {row["what"]: row["value"] for row in rows(folder, "show", "votes@2")}
    assert (facts["message"], facts["recipe"]) == ("by hand", "votes")
    (run,) = query(folder, "select run_id from datasets where version = 2").to_pylist()
    assert facts["run"] == run["run_id"]


def test_drop_source_publishes_announces_and_is_pure_json(own, prefect_api):
    dropped = rows(own, "drop-source", "late")
    assert dropped == [{"dataset": "votes", "version": 2, "pairs": OTHER, "models": [], "successor": "votes@3"}]
    assert [row["pairs"] for row in rows(own, "versions")] == [70, 80, 70]
    assert {row["cause"] for row in rows(own, "diff", "votes@2", "votes@3")} == {
        "dropped in drop source: source withdrawn (late)"
    }
    assert query(own, "select stage from runs where stage = 'drop source'").to_pylist() == [{"stage": "drop source"}]
    assert _announced(prefect_api, own) == ["votes@3"]


def _announced(api, folder):
    """Labels of new versions of the warehouse that the server has been told, within ten seconds."""
    wanted = {"filter": {"event": {"name": ["prefinery.version.published"]}}}
    asked = Request(
        f"{api}/events/filter", data=json.dumps(wanted).encode(), headers={"Content-Type": "application/json"}
    )
    end = time.monotonic() + 10
    while time.monotonic() < end:
        with urlopen(asked, timeout=10) as reply:
            events = json.load(reply)["events"]
        found = [
            event["payload"]["label"]
            for event in events
            if event["resource"]["prefinery.warehouse"] == str(folder.resolve())
        ]
        if found:
            return found
        time.sleep(0.5)
    return []


def test_drop_source_of_all_that_a_dataset_has_publishes_nothing(own):
    prefinery(own, "drop-source", "early")
    assert [row["pairs"] for row in rows(own, "versions")] == [70, 80, 10]
    prefinery(own, "drop-source", "late", fails="votes@3 holds nothing but 'late': no successor is published")
    assert len(rows(own, "versions")) == 3
    prefinery(own, "drop-source", "absent", fails="No version holds anything")
