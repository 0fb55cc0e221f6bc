"""The commands, and what they say when something is wrong."""

import json
import time

import pytest
from typer.main import get_command

from flows.__main__ import app
from tests.conftest import ROOT
from tests.flows.conftest import Here, Shell, write_comparisons, write_recipe

README = (ROOT / "README.md").read_text()


def _commands(found, *words):
    """Every command, with the words that call it."""
    inner = getattr(found, "commands", None)
    if inner is None:
        yield " ".join(words), found
        return
    for name, command in inner.items():
        yield from _commands(command, *words, name)


@pytest.mark.parametrize(("words", "command"), _commands(get_command(app), "prefinery"))
def test_every_command_is_explained(words, command):
    assert command.help
    assert words in README


def test_help_answers_at_once(prefinery):
    """Half a second on a quiet machine; three times that leaves room for a busy one."""
    seconds = []
    for _ in range(3):
        start = time.perf_counter()
        prefinery("--help")
        seconds.append(time.perf_counter() - start)
    assert min(seconds) < 1.5


def test_import_sql_run_train_export_report(prefinery, recipe, comparisons, tmp_path):
    imported = json.loads(prefinery("import", "hh_rlhf", comparisons, "--format", "json").stdout)
    assert {row["what"]: row["rows"] for row in imported}["new votes"] == 80
    assert prefinery("run", recipe).stdout.split()[0] == "votes@1"
    versions = json.loads(prefinery("versions", "--format", "json").stdout)
    assert [(row["version"], row["pairs"]) for row in versions] == [("votes@1", 80)]
    assert prefinery.rows("select count(*) as n from dataset_rows")[0]["n"] == 80
    assert "80 comparisons, 80 kept" in prefinery("show", "votes@1").stdout

    settings = ["--set", "fit.learning_rate=1e-3", "--set", "max_length=64", "--set", "fit.batch_size=16"]
    trained = prefinery(
        "train",
        "dpo",
        "--data",
        "votes@1",
        "--model",
        "scratch/2x32",
        "--out",
        tmp_path / "dpo",
        *settings,
        "--format",
        "json",
    )
    assert {"test_accuracy", "test_accuracy_low", "test_accuracy_high"} <= {
        row["metric"] for row in json.loads(trained.stdout)
    }
    assert (tmp_path / "dpo" / "model.safetensors").is_file()
    kinds = prefinery.rows("select kind, fingerprint from models order by kind")
    assert [row["kind"] for row in kinds] == ["policy", "reward"]
    assert {row["fingerprint"] for row in kinds} == {versions[0]["fingerprint"]}

    stages = prefinery.rows("select stage, funnel from runs where stage = 'train reward'")
    assert [json.loads(stage["funnel"])["dropped"] for stage in stages] == [{"too_long": 1}]

    prefinery("export", "votes@1", tmp_path / "out")
    assert (tmp_path / "out" / "manifest.json").is_file()
    assert prefinery("export", "votes@1", tmp_path / "trl", "--format", "trl").stdout.strip() == str(tmp_path / "trl")
    again = json.loads(prefinery("import", "trl", tmp_path / "trl", "--source", "again", "--format", "json").stdout)
    assert {row["what"]: row["rows"] for row in again} | {"records kept": 80, "new prompts": 0, "new votes": 80} == {
        row["what"]: row["rows"] for row in again
    }
    prefinery("report", "votes@1", "-o", tmp_path / "report.html")
    assert "votes@1" in (tmp_path / "report.html").read_text()


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        pytest.param(["import", "hh_rlh", "x"], 2, "Did you mean 'hh_rlhf'?", id="unknown-format"),
        pytest.param(["import", "hh_rlhf", "absent.jsonl"], 1, "does not exist", id="absent-file"),
        pytest.param(["versions"], 1, "prefinery init", id="no-warehouse"),
        pytest.param(["run", "absent.yaml"], 2, "cannot be read", id="absent-recipe"),
        pytest.param(["nonsense"], 2, "No such command", id="unknown-command"),
        pytest.param(["sql", "select 1", "--format", "xml"], 1, "no warehouse", id="no-warehouse-for-sql"),
    ],
)
def test_a_mistake_is_one_sentence_and_an_exit_code(prefinery, arguments, code, sentence):
    errors = prefinery(*arguments, fails=code).stderr
    assert sentence in errors
    assert "Traceback" not in errors


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        pytest.param(["show", "votes@9"], 1, "no version votes@9", id="unknown-version"),
        pytest.param(["show", "votes"], 2, "write NAME@V", id="no-label"),
        pytest.param(["sql", "delete from pairs"], 1, "changes nothing", id="sql-that-writes"),
        pytest.param(["sql", "select nonsense"], 1, "The query fails", id="sql-that-fails"),
        pytest.param(["sql", "select 1", "--format", "xml"], 2, "table, csv, json", id="unknown-output"),
        pytest.param(["export", "a@1", "out", "--format", "tlr"], 2, "Did you mean 'trl'?", id="unknown-export"),
        pytest.param(
            ["export", "a@1", "out", "--format", "trl", "--set", "x=1"], 2, "unknown key", id="unknown-setting"
        ),
    ],
)
def test_a_mistake_on_a_warehouse(here, arguments, code, sentence):
    here("init", here.warehouse)
    errors = here(*arguments, fails=code).stderr
    assert sentence in errors
    assert "Traceback" not in errors


@pytest.fixture(scope="module")
def published(tmp_path_factory, prefect_api):
    """A shell with eighty comparisons published as votes@1."""
    place = tmp_path_factory.mktemp("published")
    shell = Shell(place / "warehouse", prefect_api)
    shell("import", "hh_rlhf", write_comparisons(place / "comparisons.jsonl"))
    shell("run", write_recipe(place / "votes.yaml"), "--set", "train=[]")
    return shell


@pytest.mark.parametrize("name", ["trl", "openrlhf", "hf"])
def test_an_export_published_elsewhere_has_the_same_pairs_and_splits(published, prefinery, tmp_path, name):
    published("export", "votes@1", tmp_path / "out", "--format", name)
    prefinery("import", "openrlhf" if name == "openrlhf" else "trl", tmp_path / "out", "--source", "hh_rlhf")
    prefinery("run", write_recipe(tmp_path / "votes.yaml"), "--set", "train=[]")
    pairs = "select pair_id, split, margin, weight, soft_label from dataset_rows order by pair_id"
    assert prefinery.rows(pairs) == published.rows(pairs)


@pytest.mark.parametrize(
    ("model", "code", "sentence"),
    [
        pytest.param("nowhere/at-all", 1, "is no folder here", id="absent"),
        pytest.param(".", 1, "is no model", id="a-folder-of-something-else"),
        pytest.param("sandbox/bse", 2, "Did you mean 'base'", id="unknown-sandbox-model"),
        pytest.param("scratch/2x33", 2, "LAYERSxWIDTH", id="impossible-shape"),
    ],
)
def test_a_model_that_is_none(published, tmp_path, model, code, sentence):
    failing = ["train", "reward", "--data", "votes@1", "--model", model, "--out", tmp_path / "out"]
    errors = Here(published.warehouse)(*failing, fails=code).stderr
    assert sentence in errors
    assert "Traceback" not in errors
    assert not (tmp_path / "out").exists()
