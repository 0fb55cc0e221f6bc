"""From people's feedback to a model that answers yes or no, by the recipe and by the commands."""

import json
from pathlib import Path

import pytest

from flows.curate import curate_into
from flows.feedback import publish_principles, theta_of
from flows.recipe import load
from flows.sandbox import RECIPE
from schemas.errors import ConfigError, InputError
from schemas.models import MODELS
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


WORDS = "is it {{ aspect }} {{ prompt }} {{ answers | join(' ') }}"


def rule(quote: str, verdict: str) -> dict:
    items = [{"evidence": [quote], "name": "cites sources", "verdict": verdict}]
    return {"about": [quote], "reply": json.dumps({"LABEL:.;": items})}


RLBFF = RECIPE.with_name("rlbff.yaml")


@pytest.fixture
def changes(lake, tmp_path, embedder, prefect_api):
    """The shipped recipe with small models: two annotators of each response name the same principle."""
    script = tmp_path / "script.json"
    script.write_text(json.dumps([rule("it names a source", "yes"), rule("gives no source", "no")]))
    feedback = tmp_path / "feedback.jsonl"
    feedback.write_text("".join(json.dumps(record(thing)) + "\n" for thing in THINGS))
    Here(lake.folder, prefect_api)("import", "helpsteer3_feedback", feedback)
    with server("scripted.py", script) as url:
        yield {
            "engine": {"name": "openai", "base_urls": [url]},
            "principles.embedder.model": embedder,
            "train.0.model": "scratch/1x32",
            "train.0.settings": {"epochs": 2, "batch_size": 64, "max_length": 512},
        }


@pytest.mark.slow
def test_from_feedback_to_two_steps_of_entailment_by_the_recipe(lake, changes, prefect_api):
    prefinery = Here(lake.folder, prefect_api)
    given = [part for key, value in changes.items() for part in ("--set", f"{key}={json.dumps(value)}")]
    assert float(prefinery("principles", RLBFF, "--tune-theta", *given).stdout) > 0.9
    counts = json.loads(prefinery("principles", RLBFF, "--format", "json", *given).stdout)
    kept = {row["reason"]: row["principles"] for row in counts}
    assert kept == {None: 2 * len(THINGS), "duplicate": 2 * len(THINGS)}
    label, model = prefinery("run", RLBFF, *given).stdout.split()
    assert label == "rlbff@1"
    by_command = prefinery("principles", RLBFF, "--publish", "rlbff", *given).stdout
    assert by_command == "rlbff@1\n", "the command publishes what the recipe does"

    version = find_version(lake, "rlbff@1")
    assert version.message == "principles on which all annotators agree"
    assert [one["stage"] for one in json.loads(version.funnel)] == ["extract", "principles"]
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

    history = (Path(model) / "history.jsonl").read_text().splitlines()
    assert [json.loads(line)["step"] for line in history] == [1, 2]
    (trained,) = lake.read(MODELS).to_pylist()
    assert (trained["dataset"], trained["version"], json.loads(trained["objective"])["name"]) == (
        "rlbff",
        1,
        "entailment",
    )
    assert 0 <= json.loads(trained["metrics"])["test_accuracy"] <= 1


@pytest.mark.slow
def test_publishing_again_changes_nothing_and_other_prompts_stay_as_they_are(lake, changes, tmp_path):
    first, again = (curate_into(lake, load(RLBFF, changes)) for _ in range(2))
    assert (first.is_new, again.is_new) == (True, False)
    assert first.version.label == again.version.label
    kept = query(lake.folder, "select count(*) as n from prompts where source = 'helpsteer3_feedback'").to_pylist()
    assert kept == [{"n": len(THINGS)}]  # a question is no prompt of the source
    assert (export(lake, first.version, tmp_path / "export") / "manifest.json").is_file()


@pytest.mark.slow
def test_the_words_of_the_questions_are_the_judge_s_and_filtered_prompts_have_none(lake, changes, tmp_path):
    """The recipe's judge is asked about the answers too, and here the server takes no such request."""
    held_out = tmp_path / "held_out.jsonl"
    held_out.write_text("".join(json.dumps({"prompt": f"Name {thing}."}) + "\n" for thing in THINGS[1:]))
    near = [{"name": "contamination", "paths": [str(held_out)], "least_share": 1.0}]
    words = {"name": "binary_principle", "model": "asker", "yes": "good", "no": "bad", "template": WORDS}
    recipe = load(RLBFF, {**changes, "filters": near, "judges": [words]})
    for publish in (curate_into, lambda lake, recipe: publish_principles(lake, recipe, "rlbff")):
        version = publish(lake, recipe).version
        assert (version.label, version.n_pairs) == ("rlbff@1", 2)
    asked = query(
        lake.folder,
        "select q.messages[1].content as asked, c.text as chosen from members join pairs using (pair_id) "
        "join prompts as q using (prompt_id) join responses as c on c.response_id = chosen_id order by chosen",
    ).to_pylist()
    assert [row["chosen"] for row in asked] == ["bad", "good"]
    assert all(row["asked"].startswith("is it cites sources") and THINGS[0] in row["asked"] for row in asked)


@pytest.mark.slow
def test_where_no_principle_is_kept_there_is_one_sentence(lake, changes):
    vague = load(RLBFF, {**changes, "principles.general": ["cites sources"]})
    with pytest.raises(InputError, match="No principle is kept"):
        curate_into(lake, vague)


def test_a_recipe_without_principles_is_told_so(lake, tmp_path):
    recipe = tmp_path / "none.yaml"
    recipe.write_text("name: none\nprompts: {sources: [x]}\n")
    with pytest.raises(ConfigError, match="none takes no principles"):
        theta_of(lake, load(recipe), 0.1)


JUDGE = {"name": "binary_principle", "model": "a"}


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        pytest.param({"principles": None}, "questions are about principles; add `principles`", id="no-principles"),
        pytest.param({"pair": {"name": "majority"}}, "pair is about pairs, and this recipe publishes", id="pair"),
        pytest.param({"leaks": {}}, "leaks is about pairs", id="leaks"),
        pytest.param({"balance": {"by": ["length"]}}, "balance is about pairs", id="balance"),
        pytest.param({"gate": {"golden": ["x"], "min_golden_accuracy": 0.7}}, "gate is about pairs", id="gate"),
        pytest.param({"vote": {"models": ["a"]}}, "vote is about pairs", id="vote"),
        pytest.param({"publish.of": "pairs"}, "add `of: questions` to publish the principles", id="neither"),
        pytest.param({"publish.of": "principles"}, "publish.of: .*'pairs' or 'questions'", id="no-such-thing"),
        pytest.param({"judges": [JUDGE, JUDGE | {"called": "other"}]}, "one judge `binary_principle`", id="two-askers"),
    ],
)
def test_what_does_not_go_with_questions_is_one_sentence(change, sentence):
    with pytest.raises(ConfigError, match=sentence) as caught:
        load(RLBFF, change)
    assert "\n" not in str(caught.value)
