"""Stored answers that rules and imported ratings rate, from the file to the published pairs. No model is asked."""

import json

import pytest

from curation.importers import IMPORTERS, import_paths
from flows.curate import curate_into
from flows.recipe import load
from schemas.drops import DROPS
from warehouse import query


@pytest.fixture
def bring(lake, tmp_path):
    """Import records; one file for each call."""

    def bring(kind, *records, **settings):
        file = tmp_path / f"{kind}-{len(list(tmp_path.glob('*.jsonl')))}.jsonl"
        file.write_text("".join(json.dumps(record) + "\n" for record in records))
        return import_paths(lake, IMPORTERS.build({"name": kind, "source": "own", **settings}), [file])

    return bring


@pytest.fixture
def run(lake, tmp_path):
    """Run a recipe with these lines; return the texts of the pairs that it publishes."""

    def run(*lines):
        path = tmp_path / "rated.yaml"
        path.write_text("\n".join(["name: rated", "prompts: {sources: [own]}", "publish: {dataset: d}", *lines]) + "\n")
        curate_into(lake, load(path))
        rows = query(
            lake.folder,
            "select p.messages[1].content as asked, c.text as chosen, r.text as rejected, margin, label_source "
            "from members join pairs using (pair_id) join prompts as p using (prompt_id) "
            "join responses as c on c.response_id = chosen_id join responses as r on r.response_id = rejected_id "
            "where version = (select max(version) from datasets) order by all",
        )
        return rows.to_pylist()

    return run


def answers(asked, *texts):
    return [{"instruction": asked, "generator": f"m{place}", "output": text} for place, text in enumerate(texts)]


def pair_drops(lake):
    return [row["reason"] for row in lake.read(DROPS).to_pylist() if row["stage"] == "pair"]


def test_a_rule_that_does_not_apply_was_not_asked(bring, run, lake):
    """Of four aspects one applies to a prompt without facts; the answers that it tells apart are a pair."""
    bring("alpaca_eval_outputs", *answers("Name a fruit.", "apple", "42"))
    found = run("rules: [ifeval, math_answer, {name: regex_form, every: [{pattern: '[a-z]+'}]}]", "pair: all_distinct")
    assert [(row["chosen"], row["rejected"], row["margin"]) for row in found] == [("apple", "42", 1.0)]
    assert found[0]["label_source"] == "regex_form"
    assert pair_drops(lake) == []
