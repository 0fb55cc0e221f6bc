import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation.importers.arena import Arena as Importer
from schemas.prompts import PROMPTS, Prompt, user
from schemas.responses import RESPONSES
from schemas.votes import VOTES
from tests.rows import draft
from tests.warehouse.exporters.conftest import ballots, pair_of, sides_of, vote
from warehouse.comparisons import LeftOut
from warehouse.exporters import export_folder
from warehouse.exporters.arena import Arena
from warehouse.lake import Lake
from warehouse.versions import publish

texts = st.text(st.characters(exclude_categories=("Cs",)))


def row(**changes):
    found = {"vote_id": "v", "prompt": [{"role": "user", "content": "Hi"}], "source": "s", "winner": "first"}
    found |= {"first": "a", "first_model": "m", "second": "b", "second_model": "n"}
    return found | {"strength": None, "annotator": "x", "annotator_kind": "human", "justification": None} | changes


def test_votes_come_back_with_ties_order_and_annotators(source, bring, tmp_path):
    done = source.export(tmp_path / "out", "arena")
    assert done.funnel.dropped == {"vote_is_no_persons": 1}
    lake, imported = bring(tmp_path / "out", "arena")
    assert imported.funnel.dropped == {}
    assert [note.kind for note in imported.notes] == ["empty response"]
    seen = ("prompt", "first", "first_model", "second", "second_model", "winner")
    there = ballots(source.lake, *seen, "'arena/' || annotator")
    assert ballots(lake, *seen, "annotator") == there
    assert there.total() == 12


@given(
    texts.filter(str.strip), texts, texts, st.sampled_from(["first", "second", "tie"]),
    st.sampled_from([None, "both_bad", "tie (bothbad)", "why"]),
)  # fmt: skip
def test_any_vote_comes_back(prompt, one, other, winner, why):
    turns = [{"role": "system", "content": one}, {"role": "user", "content": prompt}]
    exported = Arena().row(row(prompt=turns, first=one, second=other, winner=winner, justification=why), with_margin=0)
    asked, first, second, read = Importer().translate(json.loads(json.dumps(exported)))
    assert list(asked.messages) == turns
    assert [(side.text, side.model) for side in (first, second)] == [(one, "m"), (other, "n")]
    assert (read.shown_first, read.annotator) == (first.response_id, "arena/x")
    ids = {"first": first.response_id, "second": second.response_id, "tie": None}
    assert {"a": read.response_a, "b": read.response_b, "tie": None}[read.verdict] == ids[winner]
    assert read.justification == (why if winner == "tie" and why != "why" else None)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        pytest.param({"vote_id": None}, "pair_without_a_vote", id="nobody-voted"),
        pytest.param({"winner": None}, "vote_failed", id="failed"),
        pytest.param({"annotator_kind": "ai"}, "vote_is_no_persons", id="model"),
    ],
)
def test_what_is_no_vote_of_a_person_is_left_out(changes, reason):
    with pytest.raises(LeftOut, match=reason):
        Arena().row(row(**changes), with_margin=False)


def test_votes_of_models_are_carried_where_that_is_asked_for():
    assert Arena(people_only=False).row(row(annotator_kind="ai"), with_margin=False)["winner"] == "model_a"


def test_a_pair_without_a_vote_is_counted(lake, tmp_path):
    asked = [Prompt.of(user(text), source="hand") for text in ("one", "two")]
    answered = [sides_of(prompt, ("a", "b")) for prompt in asked]
    flat = [side for both in answered for side in both]
    lake.append((PROMPTS, PROMPTS.rows(asked)), (RESPONSES, RESPONSES.rows(flat)))
    lake.append((VOTES, VOTES.rows([vote(answered[0], 1)])))
    version = publish(lake, draft([pair_of(*both) for both in answered])).version
    done = export_folder(lake, version, tmp_path / "out", Arena())
    assert (done.funnel.read, done.funnel.dropped) == (2, {"pair_without_a_vote": 1})


def test_equal_votes_of_visitors_stay_apart(lake, bring, tmp_path):
    asked = Prompt.of(user("one"), source="hand")
    both = sides_of(asked, ("a", "b"))
    votes = [vote(both, 0, annotator="arena/visitor", record=line) for line in ("line 1", "line 2")]
    with Lake.create(tmp_path / "other") as other:
        other.append((PROMPTS, PROMPTS.rows([asked])), (RESPONSES, RESPONSES.rows(both)), (VOTES, VOTES.rows(votes)))
        version = publish(other, draft([pair_of(*both)])).version
        export_folder(other, version, tmp_path / "out", Arena())
    bring(tmp_path / "out", "arena")
    assert ballots(lake, "annotator") == {("arena/visitor",): 2}
