import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation.importers.alpaca_eval import AlpacaEval as Importer
from tests.warehouse.exporters.conftest import ballots
from warehouse.comparisons import LeftOut
from warehouse.exporters.alpaca_eval import AlpacaEval

texts = st.text(st.characters(exclude_categories=("Cs",)))


def row(**changes):
    found = {"vote_id": "v", "prompt": [{"role": "user", "content": "Hi"}], "source": "s", "winner": "first"}
    found |= {"first": "a", "first_model": "m", "second": "b", "second_model": "n"}
    return found | {"strength": None, "annotator": "gpt-4", "annotator_kind": "ai", "justification": None} | changes


def test_votes_come_back_with_ties_order_and_annotators(source, bring, tmp_path):
    done = source.export(tmp_path / "out", "alpaca_eval")
    assert done.funnel.dropped == {"prompt_has_several_turns": 2}
    assert (done.funnel.read, done.funnel.kept) == (13, 11)
    lake, imported = bring(tmp_path / "out", "alpaca_eval")
    assert imported.funnel.dropped == {}
    seen = ("prompt", "first", "first_model", "second", "second_model", "winner")
    there = ballots(source.lake, *seen, "'alpaca_eval/' || annotator", "least(strength, 1)")
    here = ballots(lake, *seen, "annotator", "strength")
    assert here == {vote: count for vote, count in there.items() if "Be brief" not in vote[0]}
    by_models = "select annotator, annotator_kind from votes where annotator_kind <> 'human'"
    assert lake.con.execute(by_models).fetchall() == [("alpaca_eval/rubric:j", "ai")]


@given(
    texts.filter(str.strip), texts, texts, st.sampled_from(["first", "second", "tie", None]),
    st.one_of(st.none(), st.floats(1e-6, 1.0)), st.sampled_from(["human", "ai"]),
)  # fmt: skip
def test_any_vote_comes_back(prompt, one, other, winner, strength, kind):
    turns = [{"role": "user", "content": prompt}]
    given_row = row(prompt=turns, first=one, second=other, winner=winner, strength=strength, annotator_kind=kind)
    exported = AlpacaEval().row(given_row, with_margin=False)
    asked, first, second, read = Importer().translate(json.loads(json.dumps(exported)))
    assert list(asked.messages) == turns
    assert [(side.text, side.model) for side in (first, second)] == [(one, "m"), (other, "n")]
    assert (read.shown_first, read.annotator, read.annotator_kind) == (first.response_id, "alpaca_eval/gpt-4", kind)
    if winner is None:
        assert read.failure == "no_preference"
        return
    ids = {"first": first.response_id, "second": second.response_id, "tie": None}
    assert {"a": read.response_a, "b": read.response_b, "tie": None}[read.verdict] == ids[winner]
    wanted = 0.0 if winner == "tie" else 1.0 if strength is None else strength
    assert read.strength == pytest.approx(wanted, abs=1e-12)


def test_more_than_a_whole_preference_is_a_whole_one():
    assert AlpacaEval().row(row(strength=3.0, winner="second"), with_margin=False)["preference"] == 2.0


@pytest.mark.parametrize("strength", [0.0, 1e-20])
def test_a_winner_that_would_be_read_as_a_tie_is_left_out(strength):
    with pytest.raises(LeftOut, match="winner_by_nothing"):
        AlpacaEval().row(row(strength=strength), with_margin=False)
