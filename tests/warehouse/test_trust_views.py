"""Views about who rated and how sure a judge is, each on a few rows made by hand."""

from math import exp, log

import pytest

from curation.importers.helpsteer2 import HelpSteer2
from curation.importing import import_paths
from curation.trust import judge_figures
from schemas.calls import CALLS, Call
from schemas.prompts import PROMPTS
from schemas.responses import RESPONSES
from schemas.scores import SCORES, Score
from schemas.votes import VOTES, Vote
from tests.rows import some_prompts, two_responses
from warehouse.readonly import query


def call(call_id: str, model: str = "m") -> Call:
    return Call(
        call_id=call_id, status="ok", purpose="judge", engine="e", model=model, model_revision="", request="{}",
        raw_text="", finish_reason="stop", prompt_tokens=1, completion_tokens=1,
    )  # fmt: skip


def score(response, value, judge, aspect="help", call_id=None):
    return Score(
        call_id=call_id or f"{judge} {response.response_id} {aspect}", response_id=response.response_id, judge=judge,
        judge_version="1", aspect=aspect, value=value, scale_lo=0, scale_hi=10,
    )  # fmt: skip


def vote(first, second, winner, annotator, kind="human", strength=None):
    return Vote.of(
        prompt_id=first.prompt_id, shown_first=first.response_id, shown_second=second.response_id,
        winner=winner.response_id, record=f"{annotator} {first.response_id}", annotator=annotator, annotator_kind=kind,
        annotator_version="1" if kind == "ai" else None, source="hand", strength=strength,
    )  # fmt: skip


@pytest.fixture
def answers(lake):
    """The good and the bad answer to each of three prompts."""
    prompts = some_prompts(3)
    both = [two_responses(prompt) for prompt in prompts]
    lake.append((PROMPTS, PROMPTS.rows(prompts)), (RESPONSES, RESPONSES.rows(one for two in both for one in two)))
    return both


@pytest.mark.parametrize(
    ("judge", "kind"),
    [
        ("human:ann", "human"),
        ("helpsteer2/annotators", "human"),
        ("helpsteer3/annotator_2", "human"),
        ("bob", "human"),
        ("prometheus/gpt-4", "unknown"),
        ("length", "unknown"),
    ],
)
def test_people_who_rate_are_people(lake, answers, judge, kind):
    """Bob is known from a vote."""
    good, bad = answers[0]
    other_good, other_bad = answers[1]
    scores = [score(good, 3, judge), score(bad, 1, judge)]
    lake.append((SCORES, SCORES.rows(scores)), (VOTES, VOTES.rows([vote(other_good, other_bad, other_good, "bob")])))
    kinds = query(lake.folder, f"select distinct annotator_kind from judge_ratings where judge = '{judge}'").to_pylist()
    assert kinds == [{"annotator_kind": kind}]
    majority = query(lake.folder, f"from people_majority where prompt_id = '{good.prompt_id}'").to_pylist()
    assert [row["n_people"] for row in majority] == ([1] if kind == "human" else [])


def test_whoever_compared_and_rated_counts_once(lake, answers):
    """Ann rates the bad answer higher, but says that the good one is better."""
    good, bad = answers[0]
    scores = [score(good, 1, "ann"), score(bad, 3, "ann")]
    lake.append((SCORES, SCORES.rows(scores)), (VOTES, VOTES.rows([vote(good, bad, good, "ann")])))
    (row,) = query(lake.folder, "from people_majority").to_pylist()
    assert row["n_people"] == 1
    assert row["says"] == ("a" if good.response_id < bad.response_id else "b")


@pytest.mark.parametrize(
    ("ratings", "mean"),
    [
        pytest.param({"helpfulness": 4, "coherence": 2, "verbosity": 9, "complexity": 9}, 3, id="length-is-no-merit"),
        pytest.param({"helpfulness": 4, "overall": 10}, 4, id="aspects"),
        pytest.param({"overall": 10}, 10, id="overall-alone"),
    ],
)
def test_which_ratings_say_how_good_an_answer_is(lake, answers, ratings, mean):
    good, _ = answers[0]
    lake.append((SCORES, SCORES.rows(score(good, value, "x", aspect) for aspect, value in ratings.items())))
    (row,) = query(lake.folder, "from judge_ratings").to_pylist()
    assert row["score"] == mean


def test_ratings_of_helpsteer2_are_what_people_say(lake, tmp_path):
    """The annotators rate the first answer higher; a judge that votes for it agrees with them."""
    import json

    facts = {"correctness": 3, "coherence": 4, "complexity": 1}
    lines = [
        {"prompt": "Hi", "response": "Hello!", "helpfulness": 4, "verbosity": 0, **facts},
        {"prompt": "Hi", "response": "No." * 50, "helpfulness": 0, "verbosity": 4, **facts},
    ]
    path = tmp_path / "ratings.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    import_paths(lake, HelpSteer2(), [path])
    hello, no = sorted(lake.read(RESPONSES).to_pylist(), key=lambda row: len(row["text"]))
    said = Vote.of(
        prompt_id=hello["prompt_id"], shown_first=hello["response_id"], shown_second=no["response_id"],
        winner=hello["response_id"], record="one", annotator="pairwise:m", annotator_kind="ai", annotator_version="1",
        source="hand", call_id="one",
    )  # fmt: skip
    lake.append((VOTES, VOTES.rows([said])), (CALLS, CALLS.rows([call("one")])))
    figures = judge_figures(lake)
    assert set(figures["judge"]) == {"pairwise:m"}
    (accuracy,) = figures.filter(figures["figure"] == "accuracy").to_dicts()
    assert (accuracy["value"], accuracy["n"]) == (1.0, 1)


def logistic(x: float) -> float:
    return 1 / (1 + exp(-x))


def test_a_label_s_log_odds_are_averaged_over_both_orders(lake, answers):
    good, bad = answers[0]
    judge = "pairwise_logprobs:m"
    lake.append((VOTES, VOTES.rows([
        vote(good, bad, good, judge, "ai", strength=2.0),
        vote(bad, good, bad, judge, "ai", strength=0.5),
        vote(good, bad, good, "ann"),
    ])))  # fmt: skip
    (row,) = query(lake.folder, "from probabilities").to_pylist()
    for_good = row["p"] if row["response_a"] == good.response_id else 1 - row["p"]
    expected = (logistic(2.0) + logistic(-0.5)) / 2
    assert for_good == pytest.approx(expected)
    (bin_,) = query(lake.folder, "from probability_calibration").to_pylist()
    assert (bin_["bin"], bin_["n"], bin_["agree"]) == (int(expected * 10), 1, 1)
    assert bin_["confidence"] == pytest.approx(expected)
    figures = judge_figures(lake, judge)
    found = {row["figure"]: row["value"] for row in figures.to_dicts()}
    assert found["calibration error"] == pytest.approx(1 - expected)
    assert found["Brier score"] == pytest.approx((1 - expected) ** 2)


def test_log_odds_of_yes_are_rewards(lake, answers):
    """p(yes) .8 and .4: logit(.8) - logit(.4) = log(4 / (2/3)) = log 6, so 6/7."""
    good, bad = answers[0]
    scores = [
        Score(
            call_id=f"c {side.response_id}", response_id=side.response_id, judge="yes_token", judge_version="1",
            aspect="yes", value=value, scale_lo=0, scale_hi=1,
        )
        for side, value in ((good, 0.8), (bad, 0.4))
    ]  # fmt: skip
    lake.append((SCORES, SCORES.rows(scores)), (CALLS, CALLS.rows(call(one.call_id) for one in scores)))
    (row,) = query(lake.folder, "from probabilities").to_pylist()
    assert row["judge"] == "yes_token:m"
    assert log(row["p"] / (1 - row["p"])) == pytest.approx(log(6) if row["response_a"] == good.response_id else -log(6))
    assert row["people_say"] is None
