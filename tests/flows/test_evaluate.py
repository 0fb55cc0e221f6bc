"""`prefinery evaluate`: what it prints, what it keeps, and what it says when something is wrong."""

import json
import math
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest

from curation.importers import IMPORTERS
from curation.importing import import_paths
from flows.curate import curate_into
from flows.measure import measure_benchmark, measure_checkpoints, measure_generalisation, measure_reward
from flows.recipe import load
from flows.report import write_report
from schemas.errors import PrefineryError
from tests.flows.conftest import Shell, write_comparisons, write_recipe
from training.checkpoint import load_reward, save
from training.data import read_version
from training.evaluate.ensemble import Ensemble, Member
from training.evaluate.held_out import evaluate_reward
from training.scratch import Shape, from_scratch
from warehouse import query
from warehouse.export import export
from warehouse.lake import Lake
from warehouse.versions import find_version


@dataclass(frozen=True)
class Ground:
    """A warehouse with eighty comparisons as votes@1, an export of it, and an untrained reward model."""

    warehouse: Path
    export: Path
    model: Path

    def rows(self, text):
        return query(self.warehouse, text).to_pylist()


@pytest.fixture(scope="module")
def ground(tmp_path_factory):
    place = tmp_path_factory.mktemp("evaluated")
    file = write_comparisons(place / "comparisons.jsonl")
    with Lake.create(place / "warehouse") as lake:
        import_paths(lake, IMPORTERS.build("hh_rlhf"), [file])
        curate_into(lake, load(write_recipe(place / "votes.yaml"), {"train": []}))
        folder = export(lake, find_version(lake, "votes@1"), place / "export")
    start = from_scratch(read_version(folder), Shape(layers=2, width=32), place / "start")
    return Ground(place / "warehouse", folder, save(place / "model", load_reward(start)))


@pytest.fixture
def figures(ground, capfdbinary):
    """A measurement, as the rows of its JSON."""

    def measured(measure, *arguments, max_length=None):
        assert measure(ground.warehouse, *map(str, arguments[:-1]), arguments[-1], max_length, "json")
        return json.loads(capfdbinary.readouterr().out)

    return measured


def test_a_reward_model_on_a_version(ground, figures):
    """Measured again the figures are the same, and no row is kept twice."""
    rows = figures(measure_reward, ground.model, "votes@1")
    found = evaluate_reward(ground.model, read_version(ground.export))
    assert {(row["slice"], row["metric"]): row["value"] for row in rows} == {
        (row.slice, row.metric): row.found.value if math.isfinite(row.found.value) else None for row in found.rows()
    }
    accuracy = found.slices["all"].accuracy
    kept = ground.rows("from evaluations where metric = 'accuracy' and data = 'votes@1 test'")
    assert [(row["value"], row["low"], row["high"], row["n"]) for row in kept] == [
        (accuracy.value, accuracy.low, accuracy.high, accuracy.n)
    ]
    assert kept[0]["subject"].startswith(f"{ground.model}@")
    before = ground.rows("select count(*) as n from evaluations")
    assert figures(measure_reward, ground.model, "votes@1") == rows
    assert ground.rows("select count(*) as n from evaluations") == before


def test_the_table_has_a_row_a_slice_and_the_page_shows_it(ground, capfd, tmp_path):
    assert measure_reward(ground.warehouse, str(ground.model), str(ground.export), None, "table")
    shown = capfd.readouterr().out
    for text in (
        "half_tie_accuracy",
        "strength ",
        "source hh_rlhf",
        "length more than",
        "temperature",
        "too long",
    ):
        assert text in shown
    with Lake.open(ground.warehouse, read_only=True) as lake:
        write_report(lake, ["votes@1"], tmp_path / "page.html")
    assert "accuracy, source hh_rlhf" in (tmp_path / "page.html").read_text()


def test_an_ensemble_and_a_limit(ground, figures, tmp_path):
    member = Member(model=str(ground.model))
    (tmp_path / "two.json").write_text(Ensemble(members=(member, member), how="wco").model_dump_json())
    one, both = (
        figures(measure_reward, model, ground.export.as_posix(), max_length=64)
        for model in (ground.model, tmp_path / "two.json")
    )
    assert both == one
    short = figures(measure_reward, ground.model, str(ground.export), max_length=2)
    assert {row["value"] for row in short if row["metric"] == "accuracy"} == {None}
    limits = ground.rows("select distinct data from evaluations where metric = 'too long'")
    assert {"votes@1 test, at most 2 tokens", "votes@1 test, at most 64 tokens"} <= {row["data"] for row in limits}


def test_a_benchmark_of_a_file(ground, figures, tmp_path):
    rows = [
        {"instruction": f"say {n}", "response": f"please, {n}", "other_instruction": "sing", "other_response": "la"}
        for n in range(10)
    ]
    file = tmp_path / "contrast.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows) + "{broken\n")
    found = {row["metric"]: row for row in figures(measure_benchmark, "consistency", ground.model, [file])}
    assert 0 <= found["response consistency, joint"]["value"] <= found["response consistency, single"]["value"] <= 1
    assert (found["unreadable"]["value"], found["unreadable"]["n"], found["unreadable"]["low"]) == (1, 11, None)
    kept = ground.rows("select metric, value, n from evaluations where data like 'consistency %'")
    assert {(row["metric"], row["value"], row["n"]) for row in kept} == {
        (name, row["value"], row["n"]) for name, row in found.items()
    }


def test_checkpoints_of_a_file(tmp_path, capfdbinary):
    file = tmp_path / "run.csv"
    file.write_text("step,reward,win_rate\n" + "".join(f"{n},{n / 10},{min(n, 12 - n)}\n" for n in range(9)))
    measure_checkpoints(file, "reward", "win_rate", "json")
    found = {row["metric"]: row["value"] for row in json.loads(capfdbinary.readouterr().out)}
    assert found["mismatch"] == 1
    assert found["rank correlation of step and reward"] == pytest.approx(1)


def test_an_implicit_reward_beside_an_explicit_one(ground, figures, capfdbinary):
    """A policy that has not moved tells no side from the other."""
    start, known = str(ground.warehouse.parent / "start"), figures(measure_reward, ground.model, "votes@1")
    versions = ["votes@1", str(ground.export)]
    assert measure_generalisation(ground.warehouse, str(ground.model), start, start, versions, "json")
    rows = json.loads(capfdbinary.readouterr().out)
    assert [row["version"] for row in rows] == ["votes@1"] * 6
    explicit, implicit, advantage = (row["value"] for row in rows[:3])
    (half_tie,) = (row["value"] for row in known if (row["slice"], row["metric"]) == ("all", "half_tie_accuracy"))
    assert (explicit, implicit, advantage) == pytest.approx((half_tie, 0.5, half_tie - 0.5))
    kept = ground.rows(f"select value from evaluations where metric = 'advantage over {start}'")
    assert [row["value"] for row in kept] == pytest.approx([advantage])


@pytest.mark.parametrize(
    ("measure", "code", "sentence"),
    [
        pytest.param(partial(measure_reward, data="votes@9"), 1, "no version votes@9", id="unknown-version"),
        pytest.param(partial(measure_reward, data="votes"), 2, "write NAME@V", id="no-label"),
        pytest.param(partial(measure_reward, data="votes@1", model="nowhere"), 1, "does not exist", id="no-model"),
        pytest.param(partial(measure_reward, data="votes@1", model="none.json"), 2, "cannot be read", id="no-ensemble"),
        pytest.param(partial(measure_reward, data="votes@1", output="xml"), 2, "table, csv", id="no-format"),
        pytest.param(partial(measure_benchmark, name="rm_bnch", paths=[]), 2, "mean 'rm_bench'?", id="no-benchmark"),
        pytest.param(partial(measure_benchmark, name="rm_bench", paths=[Path("absent")]), 1, "absent", id="no-file"),
    ],
)
def test_a_mistake_is_one_sentence(ground, measure, code, sentence):
    settings = {"warehouse": ground.warehouse, "model": str(ground.model), "max_length": None, "output": "table"}
    with pytest.raises(PrefineryError, match=sentence) as found:
        measure(**{**settings, **measure.keywords})
    assert found.value.exit_code == code


def test_the_command_prints_without_a_warehouse_and_says_that_it_kept_nothing(ground, tmp_path):
    bare = Shell(tmp_path / "none")
    done = bare("evaluate", "reward", ground.model, "--data", ground.export, "--format", "json")
    assert "accuracy" in {row["metric"] for row in json.loads(done.stdout)}
    assert "Not kept" in done.stderr
    assert not (tmp_path / "none").exists()


def test_a_column_that_is_missing_ends_the_command_with_one_sentence(ground, tmp_path):
    comparisons = ground.warehouse.parent / "comparisons.jsonl"
    errors = Shell(tmp_path / "none")("evaluate", "benchmark", "rm_bench", ground.model, comparisons, fails=1).stderr
    assert "needs the column id" in errors
    assert "Traceback" not in errors
