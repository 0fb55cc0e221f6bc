import pytest

from schemas.scores import Score
from schemas.votes import Vote

FACTS = {"record": "r", "annotator": "x", "annotator_kind": "ai", "source": "judge", "prompt_id": "p"}


@pytest.mark.parametrize(
    ("first", "second", "winner", "verdict"),
    [
        pytest.param("r1", "r2", "r1", "a", id="first-wins"),
        pytest.param("r2", "r1", "r1", "a", id="order-shown-is-inverted"),
        pytest.param("r2", "r1", "r2", "b", id="winner-is-b"),
        pytest.param("r1", "r2", None, "tie", id="tie"),
    ],
)
def test_the_verdict_is_mapped_back_by_id(first, second, winner, verdict):
    vote = Vote.of(shown_first=first, shown_second=second, winner=winner, **FACTS)
    assert (vote.response_a, vote.response_b, vote.verdict, vote.shown_first) == ("r1", "r2", verdict, first)


def test_a_failure_is_no_tie():
    vote = Vote.of(shown_first="r1", shown_second="r2", winner=None, failure="unparseable", **FACTS)
    assert vote.verdict is None


def test_a_vote_on_one_response_is_refused():
    with pytest.raises(ValueError, match="two different ids"):
        Vote.of(shown_first="r1", shown_second="r1", winner=None, **FACTS)


def test_a_score_outside_its_scale_is_refused():
    with pytest.raises(ValueError, match="outside"):
        Score(call_id="c", response_id="r", judge="j", judge_version="1", aspect="a", value=6, scale_lo=1, scale_hi=5)
