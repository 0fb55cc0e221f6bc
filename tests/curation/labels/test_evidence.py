import pyarrow as pa
import pytest

from curation.labels.evidence import ROWS, Ballot, Evidence, gather
from schemas.prompts import PROMPTS
from schemas.responses import RESPONSES, Response
from schemas.scores import SCORES, Score
from tests.rows import some_prompts

SCORED = pa.schema(
    [("prompt_id", pa.string()), ("response_id", pa.string()), ("score", pa.float64()), ("n_rated", pa.int64()),
     ("n_asked", pa.int64()), ("label_sources", pa.list_(pa.string()))]
)  # fmt: skip
VOTED = pa.schema(
    [(name, pa.string()) for name in ("prompt_id", "response_a", "response_b", "verdict", "annotator", "shown_first",
                                      "label_source")]
    + [("strength", pa.float64())]
)  # fmt: skip


def scored(*rows):
    return pa.Table.from_pylist([dict(zip(SCORED.names, row, strict=True)) for row in rows], schema=SCORED)


def voted(*rows):
    return pa.Table.from_pylist([dict(zip(VOTED.names, row, strict=True)) for row in rows], schema=VOTED)


def test_scores_and_votes_of_a_prompt_come_together():
    scores = scored(
        ("q", "r3", 4.0, 1, 1, ["yes:m"]), ("p", "r1", 3.0, 3, 4, ["aspects:m"]), ("p", "r2", 2.0, 2, 4, ["aspects:m"])
    )
    votes = voted(("p", "r1", "r2", "b", "pairwise:m", "r2", "pairwise:m", 2.0))
    first, second = gather(scores, votes)
    assert first == Evidence(
        prompt_id="p",
        scores={"r1": 3.0, "r2": None},  # two of four aspects are too few
        ballots=[Ballot(a="r1", b="r2", verdict="b", strength=2.0, annotator="pairwise:m", shown_first="r2")],
        label_sources=["aspects:m", "pairwise:m"],
    )
    assert (second.prompt_id, second.scores, second.couples) == ("q", {"r3": 4.0}, [])


def test_votes_of_more_than_one_batch_are_all_there():
    votes = voted(*[(f"p{i % 3}", "r1", "r2", "a", "x", "r1", "x", None) for i in range(ROWS + 5)])
    assert sum(len(found.ballots) for found in gather(scored(), votes)) == ROWS + 5


@pytest.mark.parametrize(
    ("verdict", "strength", "signed"),
    [("a", 2.0, 2.0), ("b", 2.0, -2.0), ("b", None, -1.0), ("tie", 0.0, 0.0), ("tie", None, 0.0)],
)
def test_a_strength_is_signed_by_the_side_it_speaks_for(verdict, strength, signed):
    ballot = Ballot(a="a", b="b", verdict=verdict, strength=strength)
    assert (ballot.towards("a"), ballot.towards("b")) == (signed, -signed)


def test_net_wins_are_the_same_whichever_way_a_couple_is_named():
    found = Evidence(prompt_id="p", ballots=[Ballot(a="a", b="b", verdict=said) for said in ("a", "a", "b", "tie")])
    assert (found.net_wins("a", "b"), found.net_wins("b", "a")) == (1, -1)


ASPECTS = ("instruction_following", "honesty", "truthfulness", "helpfulness")


@pytest.mark.parametrize(
    ("ratings", "mean"),
    [
        pytest.param((5, 4, 3, 3), 3.75, id="four"),
        pytest.param((5, None, 4, 4), 13 / 3, id="one-does-not-apply"),
        pytest.param((5, "unparsable", 4, 3), 4.0, id="one-failed"),
        pytest.param((5, None, "unparsable", 4), None, id="two-of-three-are-too-few"),
        pytest.param((5, "unparsable", "unparsable", 4), None, id="two-of-four-are-too-few"),
        pytest.param((5, None, None, 4), 4.5, id="two-do-not-apply"),
        pytest.param((None,) * 4, None, id="none-applies"),
        pytest.param(("unparsable",) * 4, None, id="all-failed"),
    ],
)
def test_a_score_is_the_mean_of_what_was_rated(lake, ratings, mean):
    """What does not apply, or failed, is neither 0 nor worst; the overall score is on another scale and stays out."""
    (prompt,) = some_prompts(1)
    response = Response.of(prompt.prompt_id, model="m", text="x", source="hand")
    scores = [
        Score(call_id="c", response_id=response.response_id, judge="aspects", judge_version="1", aspect=aspect,
              value=float(said) if isinstance(said, int) else None, failure=said if isinstance(said, str) else None,
              scale_lo=1, scale_hi=5)
        for aspect, said in zip(ASPECTS, ratings, strict=True)
    ]  # fmt: skip
    overall = Score(call_id="c", response_id=response.response_id, judge="critique", judge_version="1",
                    aspect="overall", value=10.0, scale_lo=1, scale_hi=10)  # fmt: skip
    lake.append(
        (PROMPTS, PROMPTS.rows([prompt])), (RESPONSES, RESPONSES.rows([response])),
        (SCORES, SCORES.rows([*scores, overall])),
    )  # fmt: skip
    (found,) = gather(lake.ask("scored", aspects=None, later=[], wanted=pa.table({"call_id": ["c"]})), voted())
    assert found.scores == {response.response_id: mean if mean is None else pytest.approx(mean)}


def test_every_judge_that_rated_is_a_source_of_the_label_and_a_second_reply_settles_what_the_first_did_not(lake):
    """Of two replies of one judge about one aspect, a rating stands over a failure, and so does "does not apply"."""
    (prompt,) = some_prompts(1)
    response = Response.of(prompt.prompt_id, model="m", text="x", source="hand")

    def said(call, judge, aspect, value, failure=None):
        return Score(call_id=call, response_id=response.response_id, judge=judge, judge_version="1", aspect=aspect,
                     value=value, failure=failure, scale_lo=0, scale_hi=1)  # fmt: skip

    scores = [
        said("c1", "b", "honesty", None, "unparsable"), said("c2", "b", "honesty", 0.5),
        said("c1", "b", "truthfulness", None, "unparsable"), said("c2", "b", "truthfulness", None),
        said("c3", "a", "correct", 1.0), said("c4", "silent", "correct", None),
    ]  # fmt: skip
    lake.append(
        (PROMPTS, PROMPTS.rows([prompt])), (RESPONSES, RESPONSES.rows([response])), (SCORES, SCORES.rows(scores))
    )
    wanted = pa.table({"call_id": ["c1", "c2", "c3", "c4"]})
    (row,) = lake.ask("scored", aspects=None, later=[], wanted=wanted).to_pylist()
    assert (row["score"], row["n_rated"], row["n_asked"], row["label_sources"]) == (0.75, 2, 2, ["a", "b"])
