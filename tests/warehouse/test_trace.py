"""Diffs name the cause, lineage goes both ways, and a source can be withdrawn."""

import re
from dataclasses import replace

import pytest

from curation.pairing import MEMBERS
from schemas.calls import CALLS, Call
from schemas.drops import DROPS, Drop
from schemas.errors import ConfigError, InputError, UnknownVersion
from schemas.models import MODELS
from schemas.pair_strength import PAIR_STRENGTH
from schemas.pairs import PAIRS, pair_id_of
from schemas.prompts import PROMPTS, Prompt, user
from schemas.responses import RESPONSES
from schemas.rubrics import RUBRICS, Rubric, RubricItem
from schemas.scores import SCORES, Score
from schemas.votes import VOTES, Vote
from tests.conftest import ROOT
from tests.rows import draft, some_pairs, some_prompts, two_responses
from warehouse import query
from warehouse.exporters import Material
from warehouse.origins import Arrivals
from warehouse.trace import diff, drop_source, exposure, holdings, lineage
from warehouse.versions import members, publish, versions

README = (ROOT / "warehouse" / "README.md").read_text()


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


def call(name):
    return Call(
        call_id=name, status="ok", purpose="test", engine="vllm", model="m", model_revision=f"rev-{name}",
        template_hash="t1", request="{}", raw_text=f"reply of {name}", finish_reason="stop", prompt_tokens=1,
        completion_tokens=1, cost_usd=0.25,
    )  # fmt: skip


def stored_model(lake, version, model_id, **facts):
    """A row of `models`, in the folder /models/ID."""
    model = dict.fromkeys(MODELS.columns.names, "{}") | {
        "model_id": model_id, "dataset": version.dataset, "version": version.version, "created_at": version.created_at,
        "path": f"/models/{model_id}", "base": "hub/start", "objective": '{"name": "dpo"}', **facts,
    }  # fmt: skip
    lake.append((MODELS, MODELS.rows([model])))


@pytest.fixture
def traced(lake):
    """One pair from a call, judged by a call, in a version that trained a model."""
    pair = some_pairs(lake, 1)[0]
    prompt = some_prompts(1)[0]
    good = two_responses(prompt)[0]
    calls = [call("wrote"), call("judged")]
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
    stored_model(lake, version, "model-1")
    for kind, name in (("source", "hand"), ("model", "m"), ("annotator", "critic:m")):
        assert exposure(lake, kind, name).to_pylist() == [
            {"dataset": "hand", "version": 1, "pairs": 1, "models": ["model-1"]}
        ]
    with pytest.raises(ConfigError, match=r"Did you mean 'source'\? Known: source, license"):
        exposure(lake, "sorce", "hand")


def test_a_name_is_found_in_every_version_from_its_first_pair_to_its_last(lake):
    """Pairs 0, 1 and 2 of user ann; 0 leaves and comes back, 1 is treated anew, 2 leaves."""
    pairs = some_pairs(lake, 4)
    again = [Prompt.of(user(f"Say {i}."), source="hand", user_id="ann") for i in range(3)]
    Arrivals(lake).append((PROMPTS, PROMPTS.rows(again)))
    for members_, margin in (("3", 1.0), ("0123", 1.0), ("1", 2.0), ("013", 3.0)):
        publish(lake, draft([pairs[int(number)] for number in members_], margin=margin))
    found = [(row["version"], row["pairs"]) for row in exposure(lake, "user", "ann").to_pylist()]
    assert found == [(2, 3), (3, 1), (4, 2)]
    in_full = query(
        lake.folder,
        "select version, count(*) as n from members semi join (from origins where kind = 'user') using (pair_id) "
        "group by version order by version",
    ).to_pylist()
    assert [tuple(row.values()) for row in in_full] == found
    held = [row for row in holdings(lake, "hand@2").to_pylist() if row["kind"] == "user"]
    assert held == [{"kind": "user", "name": "ann", "pairs": 3, "models": []}]


def test_a_prompt_of_two_sources_and_licences_is_found_and_withdrawn_under_each(lake):
    pairs = some_pairs(lake, 3)
    (twice,) = some_prompts(1)
    Arrivals(lake).append((PROMPTS, PROMPTS.rows([replace(twice, source="secret", license="GPL")])))
    version = publish(lake, draft(pairs)).version
    for kind, name in (("source", "secret"), ("license", "GPL")):
        assert [(row["version"], row["pairs"]) for row in exposure(lake, kind, name).to_pylist()] == [(1, 1)]
    licences = Material(lake=lake, version=version).rows("version_licenses")
    assert [tuple(row.values()) for row in licences] == [("hand", "not stated", 3), ("secret", "GPL", 1)]
    (successor,) = drop_source(lake, "secret").successors
    assert (successor.n_pairs, members(lake, "hand", 2).column("pair_id").to_pylist()) == (
        2, sorted(pair.pair_id for pair in pairs[1:]),
    )  # fmt: skip


def test_a_source_of_votes_and_a_person_who_voted_are_found(lake):
    pairs = some_pairs(lake, 2)
    said = replace(vote(pairs[0]), annotator="site/ann", annotator_kind="human", source="site", call_id=None)
    lake.append((VOTES, VOTES.rows([said])))
    publish(lake, draft(pairs))
    for kind, name in (("source", "site"), ("user", "site/ann"), ("annotator", "site/ann")):
        assert [row["pairs"] for row in exposure(lake, kind, name).to_pylist()] == [1]
    assert [version.n_pairs for version in drop_source(lake, "site").successors] == [1]


def test_models_are_followed_to_those_that_were_made_with_them(lake):
    """sft -> dpo (by name), rm -> ppo (rewards it) -> tuned (by folder), rm -> votes on another dataset -> voted."""
    pairs = some_pairs(lake, 2)
    first = publish(lake, draft(pairs[:1])).version
    other = publish(lake, replace(draft(pairs[1:]), dataset="other")).version
    treated = publish(lake, replace(draft(pairs[1:], margin=2.0), dataset="other", run_id="r")).version
    stored_model(lake, first, "sft", objective='{"name": "sft"}')
    stored_model(lake, first, "rm", objective='{"name": "bradley_terry"}')
    stored_model(lake, other, "dpo", base="hand@1/sft")
    stored_model(lake, other, "ppo", settings='{"rollout":{"rewards":[{"source":"/models/rm"}]}}')
    stored_model(lake, other, "tuned", base="models/ppo")
    stored_model(lake, other, "clean", settings='{"rollout":{"rewards":[{"source":"/models/rm2"}]}}')
    stored_model(lake, treated, "voted")
    strength = dict.fromkeys(PAIR_STRENGTH.columns.names) | {
        "panel": "p", "policy": "q", "pair_id": pairs[1].pair_id, "dataset": "other", "version": 1,
        "voters": ["hand@1/bradley_terry"], "chosen": [1.0], "rejected": [0.0], "mu": 1.0, "sigma": 0.0,
        "percentile": 1.0, "treatment": "margin", "treated_id": pairs[1].pair_id, "soft_label": 1.0, "run_id": "r",
    }  # fmt: skip
    lake.append((PAIR_STRENGTH, PAIR_STRENGTH.rows([strength])))
    (held,) = [row for row in exposure(lake, "source", "hand").to_pylist() if row["dataset"] == "hand"]
    assert held["models"] == ["dpo", "ppo", "rm", "sft", "tuned", "voted"]
    roles = query(lake.folder, "select model_id, role from model_uses order by all").to_pylist()
    assert [tuple(row.values()) for row in roles] == [
        ("dpo", "start"), ("ppo", "setting"), ("tuned", "start"), ("voted", "voter"),
    ]  # fmt: skip


def test_a_version_of_one_source_alone_gets_no_empty_successor(lake):
    publish(lake, draft(some_pairs(lake, 2)))
    done = drop_source(lake, "hand")
    assert (done.successors, [version.label for version in done.emptied]) == ([], ["hand@1"])
    assert len(versions(lake, "hand")) == 1


def walked(lake, pair_id, backwards=True):
    """The ids that the README's query reaches."""
    text = re.search(r"```sql\n(with recursive walk.*?)```", README, re.DOTALL).group(1)
    if not backwards:
        text = text.replace("e.in_", "e.IN_").replace("e.out_", "e.in_").replace("e.IN_", "e.out_")
    rows = query(lake.folder, text.replace("PAIR_ID", pair_id)).to_pylist()
    return {(row["kind"], row["id"]) for row in rows}


def test_the_edges_lead_from_a_pair_to_the_calls_and_to_the_models(lake, traced):
    pair, version = traced
    stored_model(lake, version, "sft", objective='{"name": "sft"}')
    publish(lake, draft([pair, *some_pairs(lake, 2)[1:]]))
    stored_model(lake, replace(version, dataset="else"), "dpo", base="hand@1/sft")
    sides = {("pair", pair.pair_id), ("response", pair.chosen_id), ("response", pair.rejected_id)}
    assert walked(lake, pair.pair_id) == {*sides, ("prompt", pair.prompt_id), ("call", "wrote")}
    assert walked(lake, pair.pair_id, backwards=False) == {
        ("pair", pair.pair_id), ("version", "hand@1"), ("version", "hand@2"), ("model", "sft"), ("model", "dpo"),
    }  # fmt: skip
    judged = query(lake.folder, "select out_kind, op, op_version from lineage where in_id = 'judged'").to_pylist()
    assert judged == [{"out_kind": "vote", "op": "critic:m", "op_version": "2"}]


def test_every_other_edge(lake):
    pair = some_pairs(lake, 1)[0]
    variant = Prompt.of(user("Say it."), source="hand", parent_id=pair.prompt_id, op="shorter")
    rubric = Rubric.of(
        pair.prompt_id, [RubricItem(kind="hard", text="It is short.")], writer="w", writer_version="3", call_id="c"
    )
    edited = rubric.edited([RubricItem(kind="hard", text="It is shorter.")], by="me")
    score = Score(
        call_id="c", response_id=pair.chosen_id, judge="rubric", judge_version="1", value=1.0, scale_lo=0.0,
        scale_hi=1.0, aspect=f"{rubric.rubric_id}:1",
    )  # fmt: skip
    flip = pair.flipped("r")
    strength = dict.fromkeys(PAIR_STRENGTH.columns.names) | {
        "panel": "p", "policy": "q", "pair_id": pair.pair_id, "dataset": "hand", "version": 1, "voters": ["v"],
        "chosen": [0.0], "rejected": [1.0], "mu": -1.0, "sigma": 0.0, "percentile": 0.0, "treatment": "flip",
        "treated_id": flip.pair_id, "soft_label": 1.0,
    }  # fmt: skip
    lake.append(
        (PROMPTS, PROMPTS.rows([variant])), (RUBRICS, RUBRICS.rows([rubric, edited])), (SCORES, SCORES.rows([score])),
        (PAIR_STRENGTH, PAIR_STRENGTH.rows([strength])), (PAIRS, PAIRS.rows([pair])), (CALLS, CALLS.rows([call("c")])),
    )  # fmt: skip
    rows = query(lake.folder, "select out_kind, in_kind, op, op_version from lineage where out_kind <> 'response' "
                 "and op not in ('choose', 'reject') order by all").to_pylist()  # fmt: skip
    assert [tuple(row.values()) for row in rows] == [
        ("pair", "pair", "flip", "q"), ("prompt", "prompt", "shorter", None), ("rubric", "call", "w", "3"),
        ("rubric", "prompt", "me", "1"), ("rubric", "prompt", "w", "3"), ("rubric", "rubric", "me", "1"),
        ("score", "call", "rubric", "1"), ("score", "response", "rubric", "1"), ("score", "rubric", "rubric", "1"),
    ]  # fmt: skip
    steps = {step["step"]: step for step in lineage(lake, pair.pair_id[:10]).to_pylist()}
    assert (steps["rubric"]["id"], steps["rubric"]["made_by"]) == (rubric.rubric_id, "w@3")
    assert (steps["rubric"]["reply"], steps["rubric"]["template"], steps["score"]["reply"]) == (
        "reply of c", "t1", "reply of c",
    )  # fmt: skip


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
