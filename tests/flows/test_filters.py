"""Filters of a recipe, from stored votes to the published version. No model is asked."""

import json

import pytest

from curation.importers import IMPORTERS
from curation.importing import import_paths
from flows.curate import curate_into
from flows.recipe import load
from schemas.drops import DROPS
from schemas.errors import ConfigError, InputError
from schemas.runs import RUNS
from tests.flows.conftest import write_comparisons
from warehouse import query


@pytest.fixture
def stored(lake, tmp_path):
    """Eighty comparisons, of which ten are imported under another source."""
    for number, lines in enumerate(_parts(write_comparisons(tmp_path / "all.jsonl"))):
        file = tmp_path / f"part{number}.jsonl"
        file.write_text("".join(lines))
        importer = IMPORTERS.build({"name": "hh_rlhf", "source": ("mix", "truthful_qa")[number]})
        import_paths(lake, importer, [file])
    return lake


def _parts(path):
    lines = path.read_text().splitlines(keepends=True)
    return lines[:70], lines[70:]


@pytest.fixture
def recipe(tmp_path):
    def write(*lines):
        path = tmp_path / "filtered.yaml"
        text = "name: filtered\nprompts: {sources: [mix, truthful_qa]}\npair: {name: majority}\npublish: {dataset: d}\n"
        path.write_text(text + "\n".join(lines) + "\n")
        return load(path)

    return write


def published(lake):
    rows = query(lake.folder, "select p.messages[1].content as asked from members join pairs using (pair_id) "
                 "join prompts as p using (prompt_id)").to_pylist()  # fmt: skip
    return {row["asked"] for row in rows}


def test_no_evaluation_prompt_is_published_and_each_has_its_reason(stored, recipe, tmp_path):
    """Of 80 prompts, ten are the evaluation source's, and two of the others say what an evaluation file says."""
    held_out = tmp_path / "held_out.jsonl"
    held_out.write_text("".join(json.dumps({"prompt": text}) + "\n" for text in ("Say 7!", "SAY 11", "say 99")))
    lines = ["filters:", "  - {name: dialogue_shape}", "  - name: contamination", "    sources: [truthful_qa]"]
    curate_into(stored, recipe(*lines, f"    paths: ['{held_out}']"))
    assert published(stored) == {f"say {i}" for i in range(70)} - {"say 7", "say 11"}
    drops = [row for row in stored.read(DROPS).to_pylist() if row["stage"] == "filter"]
    assert sorted(row["reason"] for row in drops) == ["evaluation_source"] * 10 + ["near_evaluation_prompt"] * 2
    assert {row["detail"] for row in drops} == {"truthful_qa", "100% of 'Say 7!'", "100% of 'SAY 11'"}
    (funnel,) = (row for row in stored.read(RUNS).to_pylist() if row["stage"] == "filter")
    assert json.loads(funnel["funnel"]) == {
        "stage": "filter", "unit": "prompts", "read": 80, "kept": 68,
        "dropped": {"evaluation_source": 10, "near_evaluation_prompt": 2},
    }  # fmt: skip


def test_filters_that_leave_nothing_say_so(stored, recipe):
    with pytest.raises(InputError, match="No prompt is left of 80; see the reasons"):
        curate_into(stored, recipe("filters: [{name: contamination, sources: [mix, truthful_qa]}]"))


def test_a_filter_needs_prompts_to_filter(tmp_path):
    path = tmp_path / "filtered.yaml"
    path.write_text("name: filtered\nfilters: [dialogue_shape]\n")
    with pytest.raises(ConfigError, match="filters needs prompts"):
        load(path)
