"""From people's feedback to a model that answers yes or no, by the commands: recipe, version, two steps of training."""

import json

import pytest

from flows.questions import publish_questions, theta_of
from flows.recipe import load
from flows.retrain import train_one
from schemas.errors import ConfigError, InputError
from tests.flows.conftest import Here
from tests.servers.start import server
from warehouse.export import export
from warehouse.readonly import query
from warehouse.versions import find_version

THINGS = [f"thing{n}" for n in range(24)]


def record(thing: str) -> dict:
    return {
        "context": [{"role": "user", "content": f"Name {thing}."}],
        "response1": f"The {thing}, see the atlas.",
        "response2": f"No {thing}.",
        "feedback1": [f"{thing}: it names a source for that.", f"{thing}: good that it names a source."],
        "feedback2": [f"{thing}: gives no source at all.", f"{thing}: it gives no source, sadly."],
    }


def rule(quote: str, verdict: str) -> dict:
    items = [{"evidence": [quote], "name": "cites sources", "verdict": verdict}]
    return {"about": [quote], "reply": json.dumps({"LABEL:.;": items})}


@pytest.fixture
def recipe(lake, tmp_path, embedder, prefect_api):
    """Two annotators of each response name the same principle, and a server reads them."""
    script = tmp_path / "script.json"
    script.write_text(json.dumps([rule("it names a source", "yes"), rule("gives no source", "no")]))
    feedback = tmp_path / "feedback.jsonl"
    feedback.write_text("".join(json.dumps(record(thing)) + "\n" for thing in THINGS))
    Here(lake.folder, prefect_api)("import", "helpsteer3_feedback", feedback)
    with server("scripted.py", script) as url:
        path = tmp_path / "principles.yaml"
        path.write_text(
            "name: rlbff\nprompts: {sources: [helpsteer3_feedback]}\n"
            f"engine: {{name: openai, base_urls: [{url}]}}\n"
            f"principles:\n  extractor: {{model: reader}}\n  embedder: {{name: mean_pooled, model: {embedder}}}\n"
        )
        yield path


@pytest.mark.slow
def test_from_feedback_to_two_steps_of_entailment(lake, recipe, tmp_path, prefect_api):
    prefinery = Here(lake.folder, prefect_api)
    assert float(prefinery("principles", recipe, "--tune-theta").stdout) > 0.9
    counts = json.loads(prefinery("principles", recipe, "--format", "json").stdout)
    kept = {row["reason"]: row["principles"] for row in counts}
    assert kept == {None: 2 * len(THINGS), "duplicate": 2 * len(THINGS)}
    assert prefinery("principles", recipe, "--publish", "asked").stdout == "asked@1\n"

    version = find_version(lake, "asked@1")
    assert version.n_pairs == 2 * len(THINGS)
    rows = query(lake.folder, "from members join pairs using (pair_id)").to_pylist()
    assert {row["split"] for row in rows} == {"train", "test"}
    texts = query(
        lake.folder,
        "select q.messages[1].content as asked, c.text as chosen, r.text as rejected, q.op "
        "from pairs join prompts as q using (prompt_id) join responses as c on c.response_id = chosen_id "
        "join responses as r on r.response_id = rejected_id",
    ).to_pylist()
    for row in texts:
        right = "Yes" if "see the atlas" in row["asked"] else "No"
        assert (row["chosen"], row["rejected"]) == (right, "No" if right == "Yes" else "Yes")
        assert "cites sources?" in row["asked"]
        assert "source for that" not in row["asked"]  # the feedback is not told
        assert row["op"] == "principle"

    changes = {"epochs": 2, "batch_size": 64, "max_length": 512}
    metrics = train_one(lake, version, "entailment", "scratch/1x32", changes, tmp_path / "out")
    history = (tmp_path / "out" / "history.jsonl").read_text().splitlines()
    assert [json.loads(line)["step"] for line in history] == [1, 2]
    assert 0 <= metrics["test_accuracy"] <= 1


@pytest.mark.slow
def test_publishing_again_changes_nothing_and_other_prompts_stay_as_they_are(lake, recipe, tmp_path):
    first, again = (publish_questions(lake, load(recipe), "asked") for _ in range(2))
    assert (first.is_new, again.is_new) == (True, False)
    assert first.version.label == again.version.label
    kept = query(lake.folder, "select count(*) as n from prompts where source = 'helpsteer3_feedback'").to_pylist()
    assert kept == [{"n": len(THINGS)}]  # a question is no prompt of the source
    assert (export(lake, first.version, tmp_path / "export") / "manifest.json").is_file()


@pytest.mark.slow
def test_where_no_principle_is_kept_there_is_one_sentence(lake, recipe):
    vague = load(recipe, {"principles.general": ["cites sources"]})
    with pytest.raises(InputError, match="No principle is kept"):
        publish_questions(lake, vague, "asked")


def test_a_recipe_without_principles_is_told_so(lake, tmp_path):
    recipe = tmp_path / "none.yaml"
    recipe.write_text("name: none\nprompts: {sources: [x]}\n")
    with pytest.raises(ConfigError, match="none takes no principles"):
        theta_of(lake, load(recipe), 0.1)
