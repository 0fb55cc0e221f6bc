"""The gate in a run: golden items are asked with the rest, never published, and a judge that is wrong stops the run."""

import json

import pytest

from tests.flows.conftest import write_comparisons
from tests.servers.start import server


@pytest.fixture(scope="module")
def url():
    with server("faulty.py", "--faults", 0) as started:
        yield started


@pytest.fixture
def run(here, tmp_path, url):
    prompts = tmp_path / "prompts.jsonl"
    prompts.write_text("".join(json.dumps({"prompt": f"Name {i} fruits."}) + "\n" for i in range(6)))
    here("import", "prompts", prompts, "--source", "own")
    here("import", "hh_rlhf", write_comparisons(tmp_path / "golden.jsonl"), "--source", "known")
    recipe = tmp_path / "gated.yaml"
    recipe.write_text(
        "name: gated\n"
        "prompts: {sources: [own]}\n"
        f"engine: {{name: openai, base_urls: [{url}]}}\n"
        "generate: {models: [one, two], responses_per_prompt: 2, sampling: {max_tokens: 20}}\n"
        "judges:\n"
        "  - {name: aspects, model: critic}\n"
        "  - {name: pairwise, model: critic}\n"
        "gate: {golden: [known], golden_prompts: 40}\n"
        "pair: {name: all_distinct}\n"
        "publish: {dataset: gated}\n"
    )
    return lambda *changes, **options: here("run", recipe, *(x for c in changes for x in ("--set", c)), **options)


def test_a_judge_that_does_not_know_what_people_say_publishes_nothing(run, here):
    """The server's verdicts have nothing to do with the texts."""
    said = run(fails=1).stderr
    assert "Nothing is published: for aspects:critic the share of golden comparisons" in said
    assert "of 40, and the least allowed is 70.0%" in said
    assert here.rows("select count(*) as n from datasets") == [{"n": 0}]
    assert here.rows("select distinct stage from drops where stage = 'gate'") == [{"stage": "gate"}]


def test_golden_items_are_judged_and_never_published(run, here):
    assert run("gate.min_golden_accuracy=0").stdout.split() == ["gated@1"]
    rated = "from scores join responses using (response_id) join prompts as p using (prompt_id)"
    judged = f"select distinct p.source {rated}"
    assert {row["source"] for row in here.rows(judged)} == {"own", "known"}
    published = "select distinct p.source from members join pairs using (pair_id) join prompts as p using (prompt_id)"
    assert here.rows(published) == [{"source": "own"}]
    again = run("gate.min_golden_accuracy=0").stderr
    assert "to make" not in again
