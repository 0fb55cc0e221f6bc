"""`prefinery evaluate`: what it prints, what it keeps, and what it says when something is wrong."""

import json
import math

import pytest

from tests.flows.conftest import Shell, write_comparisons, write_recipe
from training.data import read_version
from training.evaluate.ensemble import Ensemble, Member
from training.evaluate.held_out import evaluate_reward


@pytest.fixture(scope="module")
def trained(tmp_path_factory, prefect_api):
    """A shell with eighty comparisons as votes@1, and a reward model of them in `model`."""
    place = tmp_path_factory.mktemp("trained")
    shell = Shell(place / "warehouse", prefect_api)
    shell("import", "hh_rlhf", write_comparisons(place / "comparisons.jsonl"))
    shell("run", write_recipe(place / "votes.yaml"), "--set", "train=[]")
    settings = ["--set", "max_length=64", "--set", "fit.learning_rate=1e-3"]
    shell("train", "reward", "--data", "votes@1", "--model", "scratch/2x32", "--out", place / "model", *settings)
    shell("export", "votes@1", place / "export")
    return shell


def figures(shell, *arguments):
    return json.loads(shell("evaluate", *arguments, "--format", "json").stdout)


def test_a_reward_model_on_a_version(trained):
    """Measured again the figures are the same, and no row is kept twice."""
    folder = trained.warehouse.parent
    rows = figures(trained, "reward", folder / "model", "--data", "votes@1")
    found = evaluate_reward(folder / "model", read_version(folder / "export"))
    assert {(row["slice"], row["metric"]): row["value"] for row in rows} == {
        (row.slice, row.metric): row.found.value if math.isfinite(row.found.value) else None for row in found.rows()
    }
    accuracy = found.slices["all"].accuracy
    kept = trained.rows("from evaluations where metric = 'accuracy' and data = 'votes@1 test'")
    assert [(row["value"], row["low"], row["high"], row["n"]) for row in kept] == [
        (accuracy.value, accuracy.low, accuracy.high, accuracy.n)
    ]
    assert kept[0]["subject"].startswith(f"{folder / 'model'}@")
    before = trained.rows("select count(*) as n from evaluations")
    assert figures(trained, "reward", folder / "model", "--data", "votes@1") == rows
    assert trained.rows("select count(*) as n from evaluations") == before


def test_the_table_has_a_row_a_slice_and_the_page_shows_it(trained, tmp_path):
    folder = trained.warehouse.parent
    shown = trained("evaluate", "reward", folder / "model", "--data", folder / "export").stdout
    for text in ("half_tie_accuracy", "strength unknown", "source hh_rlhf", "length longer", "temperature", "too long"):
        assert text in shown
    trained("report", "votes@1", "-o", tmp_path / "page.html")
    assert "accuracy, source hh_rlhf" in (tmp_path / "page.html").read_text()


def test_an_ensemble_and_a_limit(trained, tmp_path):
    folder = trained.warehouse.parent
    member = Member(model=str(folder / "model"))
    (tmp_path / "two.json").write_text(Ensemble(members=(member, member), how="wco").model_dump_json())
    one, both = (
        figures(trained, "reward", model, "--data", folder / "export", "--max-length", "64")
        for model in (folder / "model", tmp_path / "two.json")
    )
    assert both == one
    short = figures(trained, "reward", folder / "model", "--data", folder / "export", "--max-length", "2")
    assert {row["value"] for row in short if row["metric"] == "accuracy"} == {None}
    limits = trained.rows("select distinct data from evaluations where metric = 'too long' order by data")
    assert {"votes@1 test, at most 2 tokens", "votes@1 test, at most 64 tokens"} <= {row["data"] for row in limits}


def test_a_benchmark_of_a_file(trained, tmp_path):
    rows = [
        {"instruction": f"say {n}", "response": f"please, {n}", "other_instruction": "sing", "other_response": "la"}
        for n in range(10)
    ]
    file = tmp_path / "contrast.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows) + "{broken\n")
    model = trained.warehouse.parent / "model"
    found = {row["metric"]: row for row in figures(trained, "benchmark", "consistency", model, file)}
    assert 0 <= found["response consistency, joint"]["value"] <= found["response consistency, single"]["value"] <= 1
    assert (found["unreadable"]["value"], found["unreadable"]["n"], found["unreadable"]["low"]) == (1, 11, None)
    kept = trained.rows("select metric, value, n from evaluations where data like 'consistency %'")
    assert {(row["metric"], row["value"], row["n"]) for row in kept} == {
        (name, row["value"], row["n"]) for name, row in found.items()
    }


def test_without_a_warehouse_the_figures_are_printed_and_not_kept(trained, tmp_path):
    folder = trained.warehouse.parent
    bare = Shell(tmp_path / "none")
    done = bare("evaluate", "reward", folder / "model", "--data", folder / "export")
    assert "accuracy" in done.stdout
    assert "Not kept" in done.stderr
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        pytest.param(["reward", "model", "--data", "votes@9"], 1, "no version votes@9", id="unknown-version"),
        pytest.param(["reward", "model", "--data", "votes"], 2, "write NAME@V", id="no-label"),
        pytest.param(["reward", "nowhere/at", "--data", "votes@1"], 1, "is no folder here", id="no-model"),
        pytest.param(["reward", "none.json", "--data", "votes@1"], 2, "cannot be read", id="no-ensemble"),
        pytest.param(["reward", "model", "--data", "votes@1", "--format", "xml"], 2, "table, csv", id="no-format"),
        pytest.param(["benchmark", "rewardbenhc", "model", "x"], 2, "Did you mean 'rewardbench'?", id="no-benchmark"),
        pytest.param(["benchmark", "rm_bench", "model", "absent"], 1, "does not exist", id="no-file"),
        pytest.param(["benchmark", "rm_bench", "model", "comparisons.jsonl"], 1, "needs the column id", id="no-column"),
        pytest.param(["nonsense"], 2, "No such command", id="no-command"),
    ],
)
def test_a_mistake_is_one_sentence(trained, arguments, code, sentence):
    folder = trained.warehouse.parent
    names = {"model": folder / "model", "comparisons.jsonl": folder / "comparisons.jsonl"}
    errors = trained("evaluate", *(names.get(one, one) for one in arguments), fails=code).stderr
    assert sentence in errors
    assert "Traceback" not in errors
