import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation.importers.helpsteer2 import HelpSteer2 as Importer
from tests.warehouse.exporters.conftest import ballots
from warehouse.comparisons import LeftOut
from warehouse.exporters.helpsteer2_preference import HelpSteer2Preference

texts = st.text(st.characters(exclude_categories=("Cs",))).filter(lambda text: "<extra_id_1>" not in text)


def row(**changes):
    found = {"vote_id": "v", "prompt": [{"role": "user", "content": "Hi"}], "source": "s", "winner": "first"}
    found |= {"first": "a", "first_model": "m", "second": "b", "second_model": "n"}
    return found | {"strength": 1.0, "annotator": "x", "annotator_kind": "human", "justification": None} | changes


def test_votes_come_back_with_ties_strengths_and_statements(source, bring, tmp_path):
    done = source.export(tmp_path / "out", "helpsteer2_preference")
    assert done.funnel.dropped == {"role_is_not_user_or_assistant": 2, "vote_is_no_persons": 1}
    lake, imported = bring(tmp_path / "out", "helpsteer2")
    assert imported.funnel.dropped == {}
    seen = ("prompt", "least(first, second)", "greatest(first, second)", "winner", "strength", "justification")
    there = ballots(source.lake, *seen)
    assert ballots(lake, *seen) == {vote: count for vote, count in there.items() if "Be brief" not in vote[0]}


@given(
    texts.filter(str.strip), texts, texts, st.sampled_from(["first", "second", "tie"]), st.integers(1, 3), texts
)  # fmt: skip
def test_any_vote_comes_back(prompt, one, other, winner, strength, why):
    turns = [{"role": "user", "content": prompt}]
    found = row(prompt=turns, first=one, second=other, winner=winner, strength=float(strength), justification=why)
    if one == other:
        with pytest.raises(LeftOut, match="one_text"):
            HelpSteer2Preference().row(found, with_margin=False)
        return
    exported = HelpSteer2Preference().row(found, with_margin=False)
    asked, first, second, read = Importer().translate(json.loads(json.dumps(exported)))
    assert list(asked.messages) == turns
    assert (first.text, second.text) == (one, other)
    ids = {"first": first.response_id, "second": second.response_id, "tie": None}
    assert {"a": read.response_a, "b": read.response_b, "tie": None}[read.verdict] == ids[winner]
    assert read.strength == (0 if winner == "tie" else strength)
    assert read.justification == (why or None)


@pytest.mark.parametrize("strength", [None, 0.0, 1.5, 4.0])
def test_a_winner_by_other_steps_is_left_out(strength):
    with pytest.raises(LeftOut, match="strength_is_not_1_2_or_3"):
        HelpSteer2Preference().row(row(strength=strength), with_margin=False)


def test_votes_of_models_are_carried_where_that_is_asked_for():
    with pytest.raises(LeftOut, match="no_persons"):
        HelpSteer2Preference().row(row(annotator_kind="ai"), with_margin=False)
    found = HelpSteer2Preference(people_only=False).row(row(annotator_kind="ai"), with_margin=False)
    assert found["preference_strength"] == -1
