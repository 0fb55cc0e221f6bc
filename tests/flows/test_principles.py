"""Feedback to principles to training rows: a real server, a real small embedder, a real warehouse."""

import json
from collections import Counter

import pytest

from curation.importers import IMPORTERS
from curation.importing import import_paths
from curation.principles.stage import PrincipleStage
from flows.curate import chosen_prompts
from flows.principles import feedback_on, find_principles, tuned_theta
from flows.recipe import Recipe
from flows.run import Run
from schemas.calls import CALLS
from schemas.drops import DROPS
from schemas.errors import InputError, UpstreamError
from schemas.principles import PRINCIPLES
from schemas.runs import RUNS
from schemas.votes import VOTES, Vote
from tests.servers.start import Server

RIVERS, LAKES = (
    {
        "context": [{"role": "user", "content": f"Name {thing}."}],
        "response1": f"Three {thing}.",
        "response2": f"No {thing}.",
        "feedback1": [f"{thing}: gives no source at all, but it is short and to the point.", f"{thing}: no sources."],
        "feedback2": [f"{thing}: refuses without a reason.", f"{thing}: it refuses to answer, which does not help."],
    }
    for thing in ("rivers", "lakes")
)


def item(name, verdict, *evidence):
    return {"evidence": list(evidence), "name": name, "verdict": verdict}


def rule(feedback, *items):
    """What the server replies where it is shown this feedback; the answers all end in a full stop."""
    return {"about": [feedback], "reply": json.dumps({"LABEL:.;": items})}


BRIEF = item("concise", "yes", "it is short and to the point")
SCRIPT = [
    rule("rivers: gives no source", item("cites sources", "no", "gives no source at all"), BRIEF),
    rule("rivers: no sources.", item("cites sources", "no", "rivers: no sources"), item("warm", "maybe", "no sources")),
    rule("rivers: refuses", item("answers the request", "no", "refuses without a reason")),
    rule("rivers: it refuses", item("answers the request", "no", "quotes a poem by heart that nobody wrote")),
    rule("lakes: gives no source", item("cites sources", "no", "gives no source at all")),
    {"about": ["lakes: no sources."], "reply": "The feedback names one principle."},
    rule("lakes: refuses", item("answers the request", "no", "refuses without a reason")),
    rule("lakes: it refuses", item("answers the request", "yes", "it refuses to answer")),
]


@pytest.fixture
def server(tmp_path):
    script = tmp_path / "script.json"
    script.write_text(json.dumps(SCRIPT))
    started = Server("scripted.py", script)
    started.start()
    yield started
    started.stop()


@pytest.fixture
def prompts(lake, tmp_path):
    file = tmp_path / "feedback.jsonl"
    file.write_text("".join(json.dumps(record) + "\n" for record in (RIVERS, LAKES)))
    import_paths(lake, IMPORTERS.build("helpsteer3_feedback"), [file])
    return chosen_prompts(lake, Recipe.model_validate({"name": "r", "prompts": {"sources": ["helpsteer3_feedback"]}}))


@pytest.fixture
def stage(embedder):
    return PrincipleStage(
        extractor={"model": "reader", "tries": 2}, embedder={"name": "mean_pooled", "model": embedder}
    )


@pytest.fixture
def run(lake, server, prefect_api):
    recipe = Recipe.model_validate(
        {
            "name": "principles",
            "engine": {"name": "openai", "base_urls": [server.url], "max_retries": 0, "patience_s": 1},
        }
    )
    return lambda: Run(lake=lake, recipe=recipe)


@pytest.mark.slow
def test_feedback_becomes_principles_once(lake, run, server, stage, prompts):
    checked_by = find_principles(run(), stage, prompts)
    rows = lake.read(PRINCIPLES).to_pylist()
    assert Counter((row["principle"], row["label"], row["reason"]) for row in rows) == {
        ("cites sources", "no", None): 1,  # rivers
        ("cites sources", "no", "duplicate"): 1,
        ("concise", "yes", "no_consensus"): 1,
        ("cites sources", "no", "unread_feedback"): 1,  # lakes
        ("answers the request", "no", "no_consensus"): 1,  # rivers: the other one's quote is invented
        ("answers the request", "no", "span_not_in_feedback"): 1,
        ("answers the request", "no", "label_conflict"): 1,  # lakes
        ("answers the request", "yes", "label_conflict"): 1,
    }
    assert {row["checked_by"] for row in rows} == {checked_by}
    assert {row["principle_id"] for row in rows if not row["kept"]} <= {
        drop["row_id"] for drop in lake.read(DROPS).to_pylist()
    }
    calls = {row["call_id"]: row for row in lake.read(CALLS).to_pylist()}
    assert len(calls) == 9  # one was asked twice
    assert {row["call_id"] for row in rows} <= calls.keys()
    stages = {row["stage"]: json.loads(row["funnel"]) for row in lake.read(RUNS).to_pylist()}
    assert (stages["extract"]["read"], stages["extract"]["kept"]) == (8, 7)
    assert stages["extract"]["dropped"] == {"unparsable": 1}
    assert (stages["principles"]["read"], stages["principles"]["kept"]) == (9, 1)
    assert stages["principles"]["dropped"]["unknown_label"] == 1

    server.stop()  # a rerun makes no call
    assert find_principles(run(), stage, prompts) == checked_by
    assert lake.read(PRINCIPLES).to_pylist() == rows
    assert len(lake.read(CALLS)) == 9

    theta = tuned_theta(run(), stage, prompts)
    assert 0.9 < theta < 1  # equal names are all that is left of so small a share
    assert len(lake.read(PRINCIPLES)) == len(rows)

    stricter = stage.model_copy(update={"theta": 0.999})
    assert find_principles(run(), stricter, prompts) != checked_by
    assert len(lake.read(PRINCIPLES)) == 2 * len(rows)


@pytest.mark.slow
def test_an_outage_is_no_decision_and_the_next_run_decides(lake, run, server, stage, prompts):
    server.stop()
    with pytest.raises(UpstreamError):
        find_principles(run(), stage, prompts)
    assert not len(lake.read(PRINCIPLES))
    server.start()
    find_principles(run(), stage, prompts)
    assert sum(row["kept"] for row in lake.read(PRINCIPLES).to_pylist()) == 1


def test_justifications_of_votes_are_feedback_on_both_sides(lake, stage, prompts):
    responses = lake.ask("responses_to", prompts_in=_ids(prompts)).to_pylist()
    one, other = (row["response_id"] for row in responses if row["prompt_id"] == prompts[0].prompt_id)
    vote = Vote.of(
        prompt_id=prompts[0].prompt_id,
        shown_first=other,
        shown_second=one,
        winner=one,
        record="x",
        annotator="ann",
        annotator_kind="human",
        source="hand",
        justification="The second one answers.",
    )
    lake.append((VOTES, VOTES.rows([vote])))
    before = feedback_on(lake, stage, prompts)
    after = feedback_on(lake, stage.model_copy(update={"justifications": True}), prompts)
    assert {(new.response_id, new.place, new.annotator, new.text) for new in set(after) - set(before)} == {
        (other, "first", "ann", "The second one answers."),
        (one, "second", "ann", "The second one answers."),
    }
    assert len(before) == 8
    assert {found.annotator for found in before} == {"helpsteer3/annotator_1", "helpsteer3/annotator_2"}


def test_without_feedback_there_is_one_sentence(lake, run, stage, prompts):
    with pytest.raises(InputError, match="have no feedback in words"):
        find_principles(run(), stage.model_copy(update={"aspects": ("other",)}), prompts)


def _ids(prompts):
    import pyarrow as pa

    return pa.table({"prompt_id": [prompt.prompt_id for prompt in prompts]})
