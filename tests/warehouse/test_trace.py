"""Diffs name the cause, lineage goes both ways, and a source can be withdrawn."""

from dataclasses import replace

import pytest

from curation.pairing import MEMBERS
from schemas.calls import CALLS, Call
from schemas.drops import DROPS, Drop
from schemas.errors import InputError, UnknownVersion
from schemas.models import MODELS
from schemas.pairs import PAIRS, pair_id_of
from schemas.prompts import PROMPTS
from schemas.responses import RESPONSES
from schemas.votes import VOTES, Vote
from tests.rows import draft, some_pairs, some_prompts, two_responses
from warehouse.trace import diff, drop_source, exposure, lineage
from warehouse.versions import members, publish, versions


def flipped(pair):
    return replace(
        pair,
        pair_id=pair_id_of(pair.prompt_id, pair.rejected_id, pair.prompt_id, pair.chosen_id),
        chosen_id=pair.rejected_id,
        rejected_id=pair.chosen_id,
    )


def vote(pair, annotator="critic:m", version="2"):
    first, second = sorted((pair.chosen_id, pair.rejected_id))
    return Vote.of(
        prompt_id=pair.prompt_id, shown_first=first, shown_second=second, winner=pair.chosen_id, record=pair.pair_id,
        annotator=annotator, annotator_kind="ai", annotator_version=version, source="judge", call_id="judged",
    )  # fmt: skip


def changes(lake, old="hand@1", new="hand@2"):
    return {row["pair_id"]: row for row in diff(lake, old, new).to_pylist()}


def test_a_diff_names_what_happened_to_every_pair_and_why(lake):
    pairs = some_pairs(lake, 6)
    publish(lake, draft(pairs[:5], margin=1.0))
    kept, gone, turned, left, reweighted, new = pairs
    lake.append(
        (VOTES, VOTES.rows([vote(flipped(turned)), vote(new)])),
        (DROPS, DROPS.rows([Drop.of("pair", "comparison", "judges_disagree", row_id=gone.comparison_id, run_id="r")])),
        (PAIRS, PAIRS.rows([flipped(turned)])),
    )
    second = draft([kept, flipped(turned), reweighted, new], margin=1.0)
    rows = second.members.to_pylist()
    for row in rows:
        if row["pair_id"] == reweighted.pair_id:
            row["margin"], row["weight"] = 2.0, 0.5
    publish(lake, replace(second, run_id="r", members=second.members.from_pylist(rows, schema=MEMBERS)))

    found = changes(lake)
    assert {pair_id: row["change"] for pair_id, row in found.items()} == {
        gone.pair_id: "removed",
        left.pair_id: "removed",
        flipped(turned).pair_id: "flipped",
        reweighted.pair_id: "re-weighted",
        new.pair_id: "added",
    }
    assert found[gone.pair_id]["cause"] == "dropped in pair: judges_disagree"
    assert found[left.pair_id]["cause"] == "not compared any more by hand"
    assert found[flipped(turned).pair_id]["cause"] == "new verdicts of critic:m@2"
    assert found[flipped(turned).pair_id]["pair_id_was"] == turned.pair_id
    assert found[reweighted.pair_id]["cause"] == "margin 1.0 -> 2.0, weight 1.0 -> 0.5"
    assert found[new.pair_id]["cause"] == "rule hand on new verdicts of critic:m@2"


def test_a_diff_backwards_is_the_mirror_image(lake):
    pairs = some_pairs(lake, 4)
    publish(lake, draft(pairs[:3]))
    publish(lake, draft(pairs[1:]))
    assert {row["change"] for row in changes(lake).values()} == {"added", "removed"}
    forward, back = changes(lake), changes(lake, "hand@2", "hand@1")
    turned = {"added": "removed", "removed": "added"}
    assert {key: turned[row["change"]] for key, row in forward.items()} == {k: r["change"] for k, r in back.items()}


def test_versions_of_different_datasets_can_be_compared(lake):
    pairs = some_pairs(lake, 4)
    publish(lake, draft(pairs[:3]))
    publish(lake, replace(draft(pairs), dataset="other"))
    assert [row["change"] for row in changes(lake, "hand@1", "other@1").values()] == ["added"]


def test_equal_versions_do_not_differ(lake):
    publish(lake, draft(some_pairs(lake, 3)))
    assert changes(lake, "hand@1", "hand@1") == {}
    with pytest.raises(UnknownVersion):
        diff(lake, "hand@1", "hand@7")


@pytest.fixture
def traced(lake):
    """One pair from a call, judged by a call, in a version that trained a model."""
    pair = some_pairs(lake, 1)[0]
    prompt = some_prompts(1)[0]
    good = two_responses(prompt)[0]
    calls = [
        Call(
            call_id=name, status="ok", purpose="test", engine="vllm", model="m", model_revision=f"rev-{name}",
            template_hash="t1", request="{}", raw_text=f"reply of {name}", finish_reason="stop", prompt_tokens=1,
            completion_tokens=1, cost_usd=0.25,
        )
        for name in ("wrote", "judged")
    ]  # fmt: skip
    lake.append((CALLS, CALLS.rows(calls)), (VOTES, VOTES.rows([vote(pair)])))
    lake.con.execute("update responses set call_id = 'wrote' where response_id = $id", {"id": good.response_id})
    version = publish(lake, draft([pair])).version
    return pair, version


def test_lineage_goes_from_a_pair_to_the_judge_s_words(lake, traced):
    pair, _ = traced
    steps = lineage(lake, pair.pair_id).to_pylist()
    assert [step["step"] for step in steps] == ["prompt", "prompt", "response", "response", "vote"]
    wrote = next(step for step in steps if step["id"] == pair.chosen_id)
    assert (wrote["what"], wrote["made_by"], wrote["revision"], wrote["cost_usd"]) == ("good", "m", "rev-wrote", 0.25)
    judged = steps[-1]
    assert (judged["made_by"], judged["reply"], judged["template"]) == ("critic:m@2", "reply of judged", "t1")
    assert steps[0]["source"] == "hand"
    with pytest.raises(InputError, match="no pair"):
        lineage(lake, "nothing")


def test_lineage_goes_from_a_source_to_the_models(lake, traced):
    _, version = traced
    model = dict.fromkeys(MODELS.columns.names, "x") | {
        "model_id": "model-1",
        "dataset": version.dataset,
        "version": version.version,
        "created_at": version.created_at,
    }
    lake.append((MODELS, MODELS.rows([model])))
    for kind, name in (("source", "hand"), ("model", "m"), ("annotator", "critic:m")):
        assert exposure(lake, kind, name).to_pylist() == [
            {"dataset": "hand", "version": 1, "pairs": 1, "models": ["model-1"]}
        ]


def test_a_source_is_withdrawn_by_clean_successors(lake):
    pairs = some_pairs(lake, 4)
    publish(lake, draft(pairs[:2]))
    tainted = [replace(prompt, source="leaked") for prompt in some_prompts(8)[6:]]
    both = [two_responses(prompt) for prompt in tainted]
    lake.append((PROMPTS, PROMPTS.rows(tainted)), (RESPONSES, RESPONSES.rows(r for two in both for r in two)))
    leaked = [
        replace(
            pairs[0],
            pair_id=pair_id_of(p.prompt_id, g.response_id, p.prompt_id, b.response_id),
            prompt_id=p.prompt_id,
            chosen_id=g.response_id,
            rejected_prompt_id=p.prompt_id,
            rejected_id=b.response_id,
        )
        for p, (g, b) in zip(tainted, both, strict=True)
    ]
    publish(lake, draft([*pairs, *leaked]))
    publish(lake, replace(draft(pairs), dataset="clean"))

    done = drop_source(lake, "leaked")
    assert [(row["dataset"], row["version"], row["pairs"]) for row in done.exposed.to_pylist()] == [("hand", 2, 2)]
    (successor,) = done.successors
    assert (successor.label, successor.n_pairs, successor.n_removed) == ("hand@3", 4, 2)
    assert set(members(lake, "hand", 3).column("pair_id").to_pylist()) == {pair.pair_id for pair in pairs}
    assert {row["cause"] for row in changes(lake, "hand@2", "hand@3").values()} == {
        "dropped in drop source: source withdrawn (leaked)"
    }
    assert drop_source(lake, "leaked").successors == []
    assert len(versions(lake, "clean")) == 1
    with pytest.raises(InputError, match="No version holds"):
        drop_source(lake, "unknown")
