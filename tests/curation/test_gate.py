"""The gate on real rows: good judges pass, changed and wrong ones close it, and too little data closes nothing."""

import random
from datetime import datetime
from itertools import count

import pytest

from curation.drift import Sums
from curation.gate import Alarm, Figure, Gate, alarms, check_gate, run_figures
from schemas.calls import CALLS, Call
from schemas.drops import DROPS
from schemas.errors import GateClosed, InputError
from schemas.prompts import PROMPTS, Prompt, user
from schemas.responses import RESPONSES
from schemas.scores import SCORES, Score
from schemas.votes import VOTES, Vote
from tests.rows import two_responses
from warehouse.lake import Lake

NUMBERS = count()
OWN = Gate()
"""Without golden items."""


class Court:
    """A model that judges comparisons of a good and a bad answer, in both orders, and stores what it says."""

    def __init__(self, lake: Lake) -> None:
        self.lake, self.chance = lake, random.Random(0)
        self.model = f"m{next(NUMBERS)}"
        self.golden = f"golden {self.model}"
        self.gate = Gate(golden=(self.golden,))

    def run(self, number: int) -> str:
        return f"{self.model} {number}"

    def drops(self) -> list[dict]:
        return [row for row in self.lake.read(DROPS).to_pylist() if row["run_id"].startswith(f"{self.model} ")]

    def comparisons(self, n: int, source: str = "own") -> list[tuple]:
        """New prompts of a source, each with its good and its bad answer. People say which is which of golden ones."""
        prompts = [Prompt.of(user(f"{source} {next(NUMBERS)}"), source=source) for _ in range(n)]
        found = [(prompt, *two_responses(prompt)) for prompt in prompts]
        people = [
            self.vote(good, bad, good, annotator="ann", annotator_kind="human", source=source) for _, good, bad in found
        ]
        self.lake.append(
            (PROMPTS, PROMPTS.rows(prompts)),
            (RESPONSES, RESPONSES.rows(response for _, *both in found for response in both)),
            (VOTES, VOTES.rows(people if source == self.golden else [])),
        )
        return found

    def judge(self, comparisons, run_id: str, *, right=0.9, first=0.0, failing=0.0, **facts) -> list[str]:
        """The ids of calls that choose the good answer, or the first, or fail, with these chances."""
        votes = [
            self.verdict(*order, good, run_id, right=right, first=first, failing=failing, **facts)
            for _, good, bad in comparisons
            for order in ((good, bad), (bad, good))
        ]
        calls = [self.call(vote.call_id, run_id) for vote in votes]
        self.lake.append((VOTES, VOTES.rows(votes)), (CALLS, CALLS.rows(calls)))
        return [vote.call_id for vote in votes]

    def verdict(self, shown_first, shown_second, good, run_id, *, right, first, failing, **facts) -> Vote:
        bad = shown_second if good is shown_first else shown_first
        winner = good if self.chance.random() < right else bad
        winner = shown_first if self.chance.random() < first else winner
        failure = "unparsable" if self.chance.random() < failing else None
        facts = {"annotator": f"pairwise:{self.model}", "annotator_version": "1"} | facts
        return self.vote(
            shown_first, shown_second, None if failure else winner, annotator_kind="ai", source="judge",
            call_id=f"call {next(NUMBERS)}", failure=failure, run_id=run_id, **facts,
        )  # fmt: skip

    def call(self, call_id: str, run_id: str) -> Call:
        return Call(
            call_id=call_id, status="ok", purpose="judge", engine="e", model=self.model, model_revision="",
            request="{}", raw_text="", finish_reason="stop", prompt_tokens=1, completion_tokens=1, run_id=run_id,
            template_hash="t", finished_at=datetime(2024, 1, int(run_id[-1]) + 1),
        )  # fmt: skip

    def vote(self, shown_first, shown_second, winner, **facts) -> Vote:
        return Vote.of(
            prompt_id=shown_first.prompt_id, shown_first=shown_first.response_id,
            shown_second=shown_second.response_id, winner=winner and winner.response_id,
            record=f"{next(NUMBERS)}", **facts,
        )  # fmt: skip

    def rate(self, comparisons, run_id: str, mean: float) -> list[str]:
        """The ids of calls that give the good answer about `mean`, and the bad one 2 less."""
        given = [
            (response, mean + shift + self.chance.gauss(0, 0.3))
            for _, good, bad in comparisons
            for response, shift in ((good, 0), (bad, -2))
        ]
        scores = [
            Score(
                call_id=f"call {next(NUMBERS)}", response_id=response.response_id, judge="aspects",
                judge_version="1", aspect="help", value=value, scale_lo=0, scale_hi=10, run_id=run_id,
            )
            for response, value in given
        ]  # fmt: skip
        calls = [self.call(score.call_id, run_id) for score in scores]
        self.lake.append((SCORES, SCORES.rows(scores)), (CALLS, CALLS.rows(calls)))
        return [score.call_id for score in scores]


@pytest.fixture(scope="module")
def lake(tmp_path_factory):
    """One for all: each court has a judge, golden items and runs of its own."""
    with Lake.create(tmp_path_factory.mktemp("gate") / "warehouse") as opened:
        yield opened


@pytest.fixture
def court(lake):
    return Court(lake)


def closed_by(court: Court, call_ids: list[str], run_id: str, gate: Gate) -> GateClosed:
    with pytest.raises(GateClosed) as closed:
        check_gate(court.lake, gate, call_ids, run_id)
    return closed.value


def test_a_good_judge_passes_run_after_run(court):
    golden = court.comparisons(60, court.golden)
    for number in range(3):
        calls = court.judge([*court.comparisons(100), *golden], court.run(number))
        check_gate(court.lake, court.gate, calls, court.run(number))
    assert not court.drops()


def test_a_judge_that_is_wrong_about_golden_items_is_blocked(court):
    calls = court.judge(court.comparisons(60, court.golden), court.run(0), right=0.1)
    closed = closed_by(court, calls, court.run(0), court.gate)
    assert (closed.judge, closed.figure) == (f"pairwise:{court.model}", "golden")
    assert str(closed).startswith(
        f"Nothing is published: for pairwise:{court.model} the share of golden comparisons judged as people"
    )
    assert "of 60, and the least allowed is 70.0%" in str(closed)
    (drop,) = court.drops()
    assert (drop["stage"], drop["reason"], drop["row_id"]) == ("gate", f"pairwise:{court.model}: golden", court.run(0))


def test_a_judge_of_the_first_position_is_wrong_about_golden_items(court):
    """Each comparison counts 1 and -1, so none is right: the rule of JudgeBench."""
    calls = court.judge(court.comparisons(40, court.golden), court.run(0), first=1.0)
    assert "is 0.0% of 40" in str(closed_by(court, calls, court.run(0), court.gate))


def test_a_judge_that_suddenly_prefers_the_first_position_is_blocked(court):
    before = court.judge(court.comparisons(200), court.run(0))
    check_gate(court.lake, OWN, before, court.run(0))
    calls = court.judge(court.comparisons(100), court.run(1), first=0.6)
    closed = closed_by(court, calls, court.run(1), OWN)
    assert (closed.judge, closed.figure) == (f"pairwise:{court.model}", "first drift")
    assert "of 400 before: z is" in str(closed)
    assert "and the most allowed is 4" in str(closed)


def test_a_rater_that_suddenly_gives_more_is_blocked(court):
    check_gate(court.lake, OWN, court.rate(court.comparisons(100), court.run(0), 5.0), court.run(0))
    check_gate(court.lake, OWN, court.rate(court.comparisons(100), court.run(1), 5.05), court.run(1))
    closed = closed_by(court, court.rate(court.comparisons(100), court.run(2), 6.0), court.run(2), OWN)
    assert (closed.judge, closed.figure) == (f"aspects:{court.model}", "score drift")


def test_a_rater_is_right_when_it_rates_the_better_answer_higher(court):
    calls = court.rate(court.comparisons(60, court.golden), court.run(0), 5.0)
    (golden,) = (figure for figure in run_figures(court.lake, court.gate, calls) if figure.name == "golden")
    assert (golden.judge, golden.now.hits, golden.now.n) == (f"aspects:{court.model}", 60, 60)


def test_what_a_rubric_judge_says_of_items_is_no_rating(court):
    """Its votes count, a comparison and a reply once each, however many items a rubric has."""
    found = court.comparisons(20, court.golden)
    calls = court.judge(found, court.run(0), right=1.0, annotator=f"rubric:{court.model}")
    calls += court.judge(found, court.run(0), failing=1.0, annotator=f"rubric:{court.model}")
    orders = [order for _, good, bad in found for order in ((good, bad), (bad, good))]
    failures = [None] * len(orders) + ["unparsable"] * len(orders)
    scores = [
        Score(
            call_id=call_id, response_id=shown.response_id, judge="rubric", judge_version="1", aspect=f"r:{item}",
            value=None if failure else 1.0, scale_lo=0, scale_hi=1, failure=failure, run_id=court.run(0),
        )
        for call_id, order, failure in zip(calls, orders * 2, failures, strict=True)
        for shown in order
        for item in (1, 2, 3)
    ]  # fmt: skip
    court.lake.append((SCORES, SCORES.rows(scores)))
    figures = {figure.name: figure.now for figure in run_figures(court.lake, court.gate, calls)}
    assert (figures["golden"].hits, figures["golden"].n) == (20, 20)
    assert (figures["failed"].hits, figures["failed"].n) == (40, 80)
    assert "score" not in figures


def test_a_judge_that_often_fails_is_blocked(court):
    calls = court.judge(court.comparisons(100), court.run(0), failing=0.1)
    assert closed_by(court, calls, court.run(0), OWN).figure == "failed"


@pytest.mark.parametrize(
    ("golden", "own", "habits"),
    [
        pytest.param(29, 0, {"right": 0.0}, id="golden"),
        pytest.param(0, 49, {"failing": 0.5}, id="failures"),
        pytest.param(0, 49, {"first": 1.0}, id="drift"),
    ],
)
def test_too_little_data_raises_no_alarm(court, golden, own, habits):
    check_gate(court.lake, OWN, court.judge(court.comparisons(200), court.run(0)), court.run(0))
    court.comparisons(1, court.golden)
    calls = court.judge([*court.comparisons(golden, court.golden), *court.comparisons(own)], court.run(1), **habits)
    check_gate(court.lake, court.gate, calls, court.run(1))


@pytest.mark.parametrize(
    "other",
    [
        pytest.param({"annotator_version": "2"}, id="version"),
        pytest.param({"annotator": "pairwise:other"}, id="judge"),
    ],
)
def test_another_judge_or_version_has_a_history_of_its_own(court, other):
    court.judge(court.comparisons(200), court.run(0))
    check_gate(court.lake, OWN, court.judge(court.comparisons(100), court.run(1), first=0.6, **other), court.run(1))


def test_a_run_that_closed_the_gate_is_no_history(court):
    """Else a judge that was mended would be compared with its own bad day."""
    check_gate(court.lake, OWN, court.judge(court.comparisons(60), court.run(0)), court.run(0))
    closed_by(court, court.judge(court.comparisons(300), court.run(1), first=1.0), court.run(1), OWN)
    check_gate(court.lake, OWN, court.judge(court.comparisons(100), court.run(2)), court.run(2))


def test_a_closed_gate_stays_closed_for_the_same_calls(court):
    court.judge(court.comparisons(200), court.run(0))
    calls = court.judge(court.comparisons(100), court.run(1), first=0.6)
    for run_id in (court.run(1), court.run(2)):
        assert closed_by(court, calls, run_id, OWN).figure == "first drift"


def test_a_judge_that_was_meant_to_change_is_compared_with_what_came_since(court):
    court.judge(court.comparisons(200), court.run(0))
    calls = court.judge(court.comparisons(100), court.run(5), first=0.6)
    check_gate(court.lake, Gate(drift_since=datetime(2024, 1, 3)), calls, court.run(5))
    closed_by(court, calls, court.run(5), OWN)


def test_a_golden_source_without_votes_is_named(court):
    with pytest.raises(InputError, match="'absent'"):
        check_gate(court.lake, Gate(golden=("absent",)), [], court.run(0))


def test_every_alarm_is_a_row_and_the_first_is_told(court):
    court.judge(court.comparisons(200), court.run(0))
    calls = court.judge(court.comparisons(100, court.golden), court.run(1), first=1.0, failing=0.2)
    closed = closed_by(court, calls, court.run(1), court.gate)
    reasons = {row["reason"] for row in court.drops()}
    assert reasons == {
        f"pairwise:{court.model}: {name}" for name in ("golden", "failed", "failed drift", "first drift")
    }
    assert "(3 more in the table `drops`, stage `gate`)" in str(closed)


def sums(hits: float, n: float, prompts: int = 100) -> Sums:
    """Every prompt alike."""
    per = {"hits_hits": hits**2 / prompts, "hits_n": hits * n / prompts, "n_n": n**2 / prompts}
    return Sums(prompts=prompts, hits=hits, n=n, squares=hits, **per)


@pytest.mark.parametrize(
    ("name", "now", "before", "figures"),
    [
        pytest.param("golden", sums(70, 100), None, [], id="at-the-bound"),
        pytest.param("golden", sums(69, 100), None, ["golden"], id="below-the-bound"),
        pytest.param("golden", sums(95, 100), sums(700, 1000), [], id="better-than-before"),
        pytest.param("golden", sums(75, 100), sums(950, 1000), ["golden drift"], id="worse-than-before"),
        pytest.param("failed", sums(2, 100), None, [], id="failures-at-the-bound"),
        pytest.param("failed", sums(3, 100), None, ["failed"], id="failures-above"),
        pytest.param("tie", sums(5400, 10000), sums(5000, 10000), [], id="certain-but-small"),
        pytest.param("tie", sums(5600, 10000), sums(5000, 10000), ["tie drift"], id="more-ties"),
        pytest.param("tie", sums(4400, 10000), sums(5000, 10000), ["tie drift"], id="fewer-ties"),
        pytest.param("first", sums(90, 100), sums(500, 1000, prompts=19), [], id="too-few-prompts"),
    ],
)
def test_alarms(name, now, before, figures):
    figure = Figure(judge="j", version="1", template="t", name=name, now=now, before=before)
    assert [alarm.figure for alarm in alarms([figure], OWN)] == figures


def test_an_alarm_names_the_judge_the_figure_and_the_bound():
    figure = Figure(judge="j", version="1", template="t", name="failed", now=sums(30, 1000))
    assert alarms([figure], OWN) == [
        Alarm(
            judge="j", figure="failed", value=0.03, bound=0.02,
            sentence="for j the share of verdicts that could not be read is 3.0% of 1,000, "
            "and the most allowed is 2.0%",
        )
    ]  # fmt: skip
