import pytest

from curation.importers.tulu_human_eval import PREFERENCES, TuluHumanEval
from curation.importing import import_paths
from curation.records import BadRow
from schemas.errors import InputError
from schemas.responses import RESPONSES
from schemas.votes import VOTES

ROW = {
    "prompt": "Hi", "model_a": "m", "model_b": "n", "completion_a": "yes", "completion_b": "no",
    "preference": "b-is-slightly-better", "evaluator": "yo",
}  # fmt: skip


@pytest.mark.parametrize("preference", PREFERENCES)
def test_each_of_the_five_strengths_is_read(preference):
    _, first, second, vote = TuluHumanEval().translate(ROW | {"preference": preference})
    side, strength = PREFERENCES[preference]
    won = {"a": vote.response_a, "b": vote.response_b, "tie": None}[vote.verdict]
    assert won == (None if side is None else (first, second)[side].response_id)
    assert (vote.strength, vote.annotator, vote.shown_first) == (strength, "tulu/yo", first.response_id)


def test_an_unknown_preference_is_no_tie():
    with pytest.raises(BadRow, match="unknown_preference"):
        list(TuluHumanEval().translate(ROW | {"preference": "a-wins"}))


def test_a_file_that_is_no_workbook_is_one_sentence(lake, tmp_path):
    (tmp_path / "votes.xlsx").write_bytes(b"not a workbook")
    with pytest.raises(InputError, match="workbook"):
        import_paths(lake, TuluHumanEval(), [tmp_path])


def test_every_real_vote_is_accounted_for(lake, real_data):
    done = import_paths(lake, TuluHumanEval(), [real_data / "tulu_human_eval"])
    assert (done.funnel.read, done.funnel.kept) == (996 + 1302, 996 + 1150)
    assert dict(done.funnel.dropped) == {"blank_row": 152}
    votes = lake.read(VOTES).to_pylist()
    assert len(votes) == 1150
    assert len({vote["annotator"] for vote in votes}) == 16
    assert sorted(v["strength"] for v in votes).count(2.0) == 188 + 160
    assert len({row["model"] for row in lake.read(RESPONSES).to_pylist()}) == 4
