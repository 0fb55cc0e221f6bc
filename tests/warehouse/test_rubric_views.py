"""What is known about the items of rubrics, against counts by hand."""

import random
from itertools import combinations, product
from statistics import fmean

import pytest

from schemas.calls import CALLS, Call
from schemas.rubrics import RUBRIC_ITEMS, RUBRICS, Rubric, RubricItem
from schemas.scores import SCORES, Score
from schemas.votes import VOTES, Vote
from warehouse.readonly import query

ITEMS = [RubricItem(kind="hard", text=f"The response does {n}.", weight=float(n)) for n in (1, 2, 3)]
RUBRIC = Rubric.of("p", ITEMS, writer="w", writer_version="1", checked_by="judge")


def call(call_id, tokens, usd, model="m"):
    return Call(
        call_id=call_id, status="ok", purpose="judge:rubric", engine="e", model=model, model_revision="", request="{}",
        raw_text="", finish_reason="stop", prompt_tokens=tokens - 5, completion_tokens=5, cost_usd=usd,
    )  # fmt: skip


def vote(call_id, first, second, winner, version="1", failure=None):
    return Vote.of(
        prompt_id="p", shown_first=first, shown_second=second, winner=winner, record=call_id, annotator="rubric:m",
        annotator_kind="ai", annotator_version=version, source="judge", call_id=call_id, failure=failure,
    )  # fmt: skip


def score(call_id, response, number, value, version="1", failure=None, rubric=RUBRIC):
    return Score(
        call_id=call_id, response_id=response, judge="rubric", judge_version=version,
        aspect=f"{rubric.rubric_id}:{number}", value=value, scale_lo=0.0, scale_hi=1.0, failure=failure,
    )  # fmt: skip


def store(lake, calls, votes, scores, rubrics=(RUBRIC,)):
    items = [row for rubric in rubrics for row in rubric.item_rows()]
    lake.append(
        (RUBRICS, RUBRICS.rows(rubrics)),
        (RUBRIC_ITEMS, RUBRIC_ITEMS.rows(items)),
        (CALLS, CALLS.rows(calls)),
        (VOTES, VOTES.rows(votes)),
        (SCORES, SCORES.rows(scores)),
    )


def ask(lake, sql):
    return query(lake.folder, sql).to_pylist()


def test_a_criterion_by_hand(lake):
    """Two replies on x and y in both orders, one that cannot be read, one by another model.

    Item 1: x meets it twice, y never: winners 1, losers 0. Item 2: always met. Item 3: x then not x, y as well.
    """
    met = {"x": ((1, 1, 1), (1, 1, 0)), "y": ((0, 1, 0), (0, 1, 1))}
    scores = [
        score(f"c{reply}", response, number, float(value))
        for response, replies in met.items()
        for reply, values in enumerate(replies)
        for number, value in enumerate(values, 1)
    ]
    scores += [score("bad", response, number, None, failure="unparsable") for response in "xy" for number in (1, 2, 3)]
    scores += [score("other", response, number, 1.0) for response in "xy" for number in (1, 2, 3)]
    votes = [vote("c0", "x", "y", "x"), vote("c1", "y", "x", "x"), vote("bad", "x", "y", None, failure="unparsable")]
    votes += [vote("other", "x", "y", None)]
    calls = [call("c0", 300, 0.3), call("c1", 330, None), call("bad", 60, 0.03), call("other", 30, None, model="n")]
    store(lake, calls, votes, scores)
    rows = ask(lake, "from rubric_criteria")
    assert [(row["number"], row["judge"]) for row in rows] == [*product((1, 2, 3), ("rubric:m", "rubric:n"))]
    first, other, second, _, third, _ = rows
    assert first == {
        "rubric_id": RUBRIC.rubric_id, "number": 1, "prompt_id": "p", "kind": "hard", "text": "The response does 1.",
        "weight": 1.0, "judge": "rubric:m", "n": 4, "failed": 2, "met_rate": 0.5, "consistency": 1.0,
        "discrimination": 1.0, "tokens": 230.0, "usd": pytest.approx(0.11),
    }  # fmt: skip
    assert (second["met_rate"], second["consistency"], second["discrimination"]) == (1.0, 1.0, 0.0)
    assert (third["met_rate"], third["consistency"], third["discrimination"]) == (0.5, 0.0, 0.0)
    assert (other["n"], other["consistency"], other["discrimination"], other["usd"]) == (2, None, None, None)

    shares = ask(lake, "select response_id, judge, n, score from rubric_scores")
    assert shares == [
        {"response_id": "x", "judge": "rubric:m", "n": 2, "score": pytest.approx((6 + 3) / 12)},
        {"response_id": "x", "judge": "rubric:n", "n": 1, "score": 1.0},
        {"response_id": "y", "judge": "rubric:m", "n": 2, "score": pytest.approx((2 + 5) / 12)},
        {"response_id": "y", "judge": "rubric:n", "n": 1, "score": 1.0},
    ]


def test_the_latest_reading_of_a_reply_counts(lake):
    scores = [
        score("c", r, n, value, version)
        for r in "xy"
        for n in (1, 2, 3)
        for version, value in (("9", 0.0), ("10", 1.0))
    ]
    votes = [vote("c", "x", "y", "y", "9"), vote("c", "x", "y", "x", "10")]
    store(lake, [call("c", 9, 0.9)], votes, [*scores, score("c", "x", 1, None, "8", failure="unparsable")])
    for row in ask(lake, "from rubric_criteria"):
        assert (row["n"], row["failed"], row["met_rate"], row["discrimination"], row["tokens"]) == (2, 0, 1.0, 0.0, 3.0)


def test_a_criterion_by_brute_force(lake):
    """Replies drawn at random on three answers, in both orders and two samples; every figure counted in Python."""
    rng = random.Random(4)
    calls, votes, scores = [], [], []
    for (one, other), order, sample in product(combinations("xyz", 2), (0, 1), (0, 1)):
        call_id = f"{one}{other}{order}{sample}"
        shown = (other, one) if order else (one, other)
        calls.append(call(call_id, rng.randrange(10, 900), rng.choice([None, 0.5, 0.25])))
        failure = "unparsable" if rng.random() < 0.2 else None
        votes.append(vote(call_id, *shown, None if failure else rng.choice([*shown, None]), failure=failure))
        scores += [
            score(call_id, response, number, None if failure else float(rng.random() < 0.6), failure=failure)
            for response in shown
            for number in (1, 2, 3)
        ]
    store(lake, calls, votes, scores)
    winner = {v.call_id: {"a": v.response_a, "b": v.response_b}.get(v.verdict) for v in votes}
    rows = ask(lake, "from rubric_criteria")
    assert len(rows) == 3
    for row in rows:
        mine = [s for s in scores if s.aspect == f"{RUBRIC.rubric_id}:{row['number']}"]
        read = [s for s in mine if s.failure is None]
        assert (row["n"], row["failed"]) == (len(read), len(mine) - len(read))
        assert row["met_rate"] == pytest.approx(fmean(s.value for s in read))
        twice = [a.value == b.value for a, b in combinations(read, 2) if a.response_id == b.response_id]
        assert row["consistency"] == pytest.approx(fmean(twice))
        won = [s.value for s in read if winner[s.call_id] == s.response_id]
        lost = [s.value for s in read if winner[s.call_id] not in (None, s.response_id)]
        assert row["discrimination"] == pytest.approx(fmean(won) - fmean(lost))
        assert row["tokens"] == pytest.approx(sum(c.prompt_tokens + c.completion_tokens for c in calls) / 3)
        assert row["usd"] == pytest.approx(sum(c.cost_usd or 0.0 for c in calls) / 3)
    for row in ask(lake, "from rubric_scores"):
        read = [s for s in scores if s.response_id == row["response_id"] and s.failure is None]
        weights = [float(s.aspect[-1]) for s in read]
        assert row["score"] == pytest.approx(
            sum(w * s.value for w, s in zip(weights, read, strict=True)) / sum(weights)
        )
        assert row["n"] == len({s.call_id for s in read})
