"""The views about judges, each against the same count made in Python over a few hundred random verdicts."""

import random
import re
from collections import defaultdict
from itertools import combinations, product
from math import exp
from statistics import fmean

import pytest

from schemas.calls import CALLS, Call
from schemas.prompts import PROMPTS
from schemas.responses import RESPONSES, Response
from schemas.scores import SCORES, Score
from schemas.votes import VOTES, Vote
from tests.rows import some_prompts, two_responses
from warehouse.lake import Lake
from warehouse.readonly import Reader, reading

TEXTS = [
    "plain",
    "- one\n- two",
    "# Title\nand **bold**",
    "```\ncode\n```",
    "1. first\n2. second, and a good deal longer",
]
JUDGES = ("pairwise:x", "pairwise:y")
PEOPLE = ("ann", "bob", "cleo")
RATER, RULE = "aspects:z", "short"
RATERS = (RATER, RULE)
EVERY_JUDGE = (*JUDGES, *RATERS)
SIGN = {"a": 1, "b": -1, "tie": 0, None: 0}


class World:
    """Random verdicts. People vote once a comparison; judges in both orders, one of them up to three times in each.

    A rater gives two aspects a number, and a rule, which calls no model, one.
    """

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.prompts = some_prompts(8)
        self.responses = [
            Response.of(p.prompt_id, model=model, text=f"{self.chance.choice(TEXTS)} {model}", source="hand")
            for p in self.prompts
            for model in "xyzw"
        ]
        self.votes = [vote for pair in self.pairs for vote in self.votes_on(*pair)]
        self.scores = [score for response in self.responses for score in self.scores_of(response)]

    @property
    def pairs(self) -> list[tuple[Response, Response]]:
        by_prompt = defaultdict(list)
        for response in sorted(self.responses, key=lambda r: r.response_id):
            by_prompt[response.prompt_id].append(response)
        return [pair for group in by_prompt.values() for pair in combinations(group, 2)]

    def votes_on(self, a: Response, b: Response) -> list[Vote]:
        people = [self.vote(a, b, name, "human") for name in PEOPLE if self.chance.random() < 0.6]
        samples = {JUDGES[0]: 1, JUDGES[1]: 3}
        ai = [
            self.vote(*order, name, "ai", sample)
            for name, most in samples.items()
            for order in ((a, b), (b, a))
            if self.chance.random() < 0.8
            for sample in range(self.chance.randint(1, most))
        ]
        return people + ai

    def vote(self, first: Response, second: Response, annotator: str, kind: str, sample: int = 0) -> Vote:
        said = self.chance.choices(
            [first, second, None, "unparsable", "refused"], [5, 3, 1, 1, 1 if kind == "ai" else 0]
        )[0]
        failed = said if isinstance(said, str) else None
        record = f"{annotator} {first.response_id} {second.response_id} {sample}"
        return Vote.of(
            prompt_id=first.prompt_id, shown_first=first.response_id, shown_second=second.response_id,
            winner=said.response_id if isinstance(said, Response) else None, failure=failed, record=record,
            strength=None if failed or kind == "ai" else float(self.chance.randint(1, 3)),
            annotator=annotator, annotator_kind=kind, annotator_version=None if kind == "human" else "1",
            call_id=None if kind == "human" else record, source="hand",
        )  # fmt: skip

    def scores_of(self, response: Response) -> list[Score]:
        values = [self.chance.choice([1.0, 2.0, 3.0, None]) for _ in range(2)]
        rated = [self.score(response, "aspects", aspect, value) for aspect, value in zip("xy", values, strict=True)]
        return [*rated, self.score(response, RULE, "short", float(len(response.text) < 20))]

    def score(self, response: Response, judge: str, aspect: str, value: float | None) -> Score:
        return Score(
            call_id=f"{judge} {response.response_id}", response_id=response.response_id, judge=judge,
            judge_version="1", aspect=aspect, value=value, scale_lo=0, scale_hi=3,
            failure="truncated" if value is None else None,
        )  # fmt: skip

    def store(self, lake: Lake) -> None:
        calls = [call(vote.call_id, vote.annotator.partition(":")[2]) for vote in self.votes if vote.call_id]
        calls += [call(call_id, "z") for call_id in sorted({s.call_id for s in self.scores if s.judge != RULE})]
        lake.append(
            (PROMPTS, PROMPTS.rows(self.prompts)), (RESPONSES, RESPONSES.rows(self.responses)),
            (VOTES, VOTES.rows(self.votes)), (SCORES, SCORES.rows(self.scores)), (CALLS, CALLS.rows(calls)),
        )  # fmt: skip

    def opinions(self) -> dict[tuple[str, str, str], str]:
        """What each annotator says of each comparison: a, b or tie. One without a readable verdict is absent."""
        ballots = defaultdict(list)
        for vote in self.votes:
            ballots[vote.annotator, vote.response_a, vote.response_b].append(vote)
        said = {key: self.total(votes) for key, votes in ballots.items() if any(vote.verdict for vote in votes)}
        for rater in RATERS:
            rating = {r.response_id: self.rating(r, rater) for r in self.responses}
            for a, b in self.pairs:
                if None not in (one := rating[a.response_id], two := rating[b.response_id]):
                    said[rater, a.response_id, b.response_id] = one - two
        return {key: "a" if total > 0 else "b" if total < 0 else "tie" for key, total in said.items()}

    def total(self, votes: list[Vote]) -> int:
        """1, -1 or 0 for each order, added up."""
        orders = defaultdict(int)
        for vote in votes:
            orders[vote.shown_first] += SIGN[vote.verdict]
        return sum((balance > 0) - (balance < 0) for balance in orders.values())

    def rating(self, response: Response, rater: str) -> float | None:
        mine = [s for s in self.scores if s.response_id == response.response_id and s.judge == rater.partition(":")[0]]
        values = [score.value for score in mine if score.value is not None]
        return fmean(values) if values else None

    def majority(self) -> dict[tuple[str, str], str]:
        ballots = defaultdict(int)
        for (annotator, a, b), says in self.opinions().items():
            if annotator in PEOPLE:
                ballots[a, b] += SIGN[says]
        return {key: "a" if total > 0 else "b" if total < 0 else "tie" for key, total in ballots.items()}

    def asked(self, judge: str) -> set[tuple[str, str]]:
        """Comparisons that a judge was asked about, whatever came of it."""
        if judge in RATERS:
            return {(a.response_id, b.response_id) for a, b in self.pairs}
        return {(v.response_a, v.response_b) for v in self.votes if v.annotator == judge}


def call(call_id: str, model: str) -> Call:
    return Call(
        call_id=call_id, status="ok", purpose="judge", engine="e", model=model, model_revision="", request="{}",
        template_hash=f"template {model}", raw_text="", finish_reason="stop", prompt_tokens=1, completion_tokens=1,
    )  # fmt: skip


@pytest.fixture(scope="module", params=range(2))
def world(request):
    return World(request.param)


@pytest.fixture(scope="module")
def reader(world, tmp_path_factory):
    folder = tmp_path_factory.mktemp("judged") / "warehouse"
    with Lake.create(folder) as lake:
        world.store(lake)
    with reading(folder) as opened:
        yield opened


def ask(reader: Reader, sql: str) -> list[dict[str, object]]:
    with reader.ask(sql) as answer:
        return answer.rows().to_pylist()


def mean(values) -> float | None:
    values = list(values)
    return pytest.approx(fmean(values)) if values else None


def test_opinions(world, reader):
    rows = ask(reader, "from opinions")
    said = {(row["annotator"], row["response_a"], row["response_b"]): row["says"] for row in rows if row["says"]}
    assert said == world.opinions()
    asked = {(row["annotator"], row["response_a"], row["response_b"]) for row in rows}
    for judge in EVERY_JUDGE:
        assert {(a, b) for who, a, b in asked if who == judge} == world.asked(judge)
    kinds = {row["annotator"]: row["annotator_kind"] for row in rows}
    assert kinds == dict.fromkeys(PEOPLE, "human") | dict.fromkeys((*JUDGES, *RATERS), "ai") | {RULE: "unknown"}
    assert sum(row["failed"] for row in rows if row["annotator"] not in RATERS) == sum(
        v.failure is not None for v in world.votes
    )


def test_an_opinion_knows_its_strength_and_whether_the_orders_contradict(world, reader):
    for row in ask(reader, "from opinions"):
        key = row["annotator"], row["response_a"], row["response_b"]
        mine = [v for v in world.votes if (v.annotator, v.response_a, v.response_b) == key]
        read = [v for v in mine if v.verdict]
        if row["annotator"] not in RATERS:
            assert row["lean"] == mean(SIGN[v.verdict] * (v.strength or 1) for v in read)
            orders = [[v for v in read if v.shown_first == first] for first in (row["response_a"], row["response_b"])]
            opposite = world.total(orders[0]) * world.total(orders[1]) == -1
            assert row["flipped"] == (opposite if all(orders) else None)
            assert (row["n"], row["total"]) == (len(read), world.total(mine))


def test_people_majority(world, reader):
    rows = ask(reader, "from people_majority")
    assert {(row["response_a"], row["response_b"]): row["says"] for row in rows} == world.majority()
    assert all(row["for_a"] + row["for_b"] <= row["n_people"] <= len(PEOPLE) for row in rows)


def test_agreement(world, reader):
    rows = {(row["judge"], row["other"]): row for row in ask(reader, "from agreement")}
    said, majority = world.opinions(), world.majority()
    names = EVERY_JUDGE
    assert rows.keys() == {(one, two) for one in names for two in (None, *names) if one != two}
    for (judge, other), row in rows.items():
        theirs = majority if other is None else {(a, b): says for (who, a, b), says in said.items() if who == other}
        mine = {pair: said.get((judge, *pair)) for pair in world.asked(judge) & theirs.keys()}
        both = [(mine[pair], theirs[pair]) for pair in mine if mine[pair]]
        decided = [(one, two) for one, two in both if "tie" not in (one, two)]
        known = [(mine[pair], theirs[pair]) for pair in mine if theirs[pair] != "tie"]
        assert (row["n"], row["n_decided"], row["n_known"]) == (len(both), len(decided), len(known))
        assert row["agree"] == mean(one == two for one, two in both)
        assert row["conflict"] == mean(one != two for one, two in decided)
        assert row["accuracy"] == mean(one == two for one, two in known)


def has(feature: str, text: str) -> float:
    if feature == "length":
        return len(text)
    pattern = {"list": r"(?m)^(- |1\. )", "markdown": r"\*\*|(?m:^# )", "code": "```"}[feature]
    return bool(re.search(pattern, text))


def test_style(world, reader):
    text = {r.response_id: r.text for r in world.responses}
    more = {
        (a, b, feature): "a" if has(feature, text[a]) > has(feature, text[b]) else "b"
        for a, b in {pair[1:] for pair in world.opinions()} | world.asked(RATER)
        for feature in ("length", "list", "markdown", "code")
        if has(feature, text[a]) != has(feature, text[b])
    }
    found = ask(reader, "from style_contrasts")
    assert {(row["response_a"], row["response_b"], row["feature"]): row["has_more"] for row in found} == more
    majority = world.majority()
    for row in ask(reader, "from style_effects"):
        mine = [
            ((a, b), says == more[a, b, row["feature"]])
            for (who, a, b), says in world.opinions().items()
            if who == row["annotator"] and says != "tie" and (a, b, row["feature"]) in more
        ]
        there = [(pair, won) for pair, won in mine if majority.get(pair, "tie") != "tie"]
        assert (row["n"], row["share"]) == (len(mine), mean(won for _, won in mine))
        assert (row["n_people"], row["share_there"]) == (len(there), mean(won for _, won in there))
        assert row["people_share"] == mean(majority[pair] == more[*pair, row["feature"]] for pair, _ in there)


def test_self_preference(world, reader):
    model = {r.response_id: r.model for r in world.responses}
    said, majority = world.opinions(), world.majority()

    def points(says, own):
        return 0.5 if says == "tie" else float(says == own)

    rows = {row["judge"]: row for row in ask(reader, "from self_preference")}
    assert rows.keys() == {*JUDGES, RATER}
    for judge, row in rows.items():
        mine = judge.partition(":")[2]
        own = {
            (a, b): "a" if model[a] == mine else "b"
            for who, a, b in said
            if who == judge and (model[a] == mine) != (model[b] == mine)
        }
        rates = {pair: points(said[judge, *pair], own[pair]) for pair in own}
        people = {pair: points(majority[pair], own[pair]) for pair in own if pair in majority}
        others = {
            pair: fmean(
                points(said[other, *pair], own[pair])
                for other in EVERY_JUDGE
                if other != judge and (other, *pair) in said
            )
            for pair in own
            if any((other, *pair) in said for other in EVERY_JUDGE if other != judge)
        }
        assert (row["model"], row["n"], row["own_rate"]) == (mine, len(own), mean(rates.values()))
        assert (row["n_people"], row["people_rate"]) == (len(people), mean(people.values()))
        assert row["own_rate_people"] == mean(rates[pair] for pair in people)
        assert (row["n_judges"], row["judges_rate"]) == (len(others), mean(others.values()))
        assert row["own_rate_judges"] == mean(rates[pair] for pair in others)


def test_judge_failures(world, reader):
    rows = {row["judge"]: row for row in ask(reader, "from judge_failures")}
    for judge in JUDGES:
        mine = [v.failure for v in world.votes if v.annotator == judge]
        row = rows[judge]
        assert (row["n"], row["judge_version"], row["template"]) == (len(mine), "1", f"template {judge[-1]}")
        assert (row["refused"], row["unparsable"]) == (mine.count("refused"), mine.count("unparsable"))
        assert row["failure_share"] == mean(failure is not None for failure in mine)
    rated = [score.failure for score in world.scores if score.judge != RULE]
    assert (rows[RATER]["n"], rows[RATER]["truncated"]) == (len(rated), rated.count("truncated"))
    assert rows.keys() == {*JUDGES, RATER}


def test_calibration(world, reader):
    majority = world.majority()
    leans = {(r["annotator"], r["response_a"], r["response_b"]): r["lean"] for r in ask(reader, "from opinions")}
    rows = ask(reader, "from calibration")
    assert {row["judge"] for row in rows} == {*EVERY_JUDGE}
    for judge in EVERY_JUDGE:
        known = sorted(
            (abs(leans[judge, a, b]), says == majority[a, b])
            for (who, a, b), says in world.opinions().items()
            if who == judge and says != "tie" and majority.get((a, b), "tie") != "tie"
        )
        strengths = [strength for strength, _ in known]
        bins = defaultdict(list)
        for strength, agree in known:
            first, last = strengths.index(strength), len(strengths) - strengths[::-1].index(strength)
            bins[int((first + last) / 2 / len(known) * 10)].append((strength, agree))
        mine = [row for row in rows if row["judge"] == judge]
        assert [row["bin"] for row in mine] == sorted(bins)
        for row in mine:
            inside = bins[row["bin"]]
            assert (row["n"], row["agree"]) == (len(inside), mean(agree for _, agree in inside))
            assert (row["low"], row["high"]) == (min(inside)[0], max(inside)[0])
            assert row["strength"] == mean(strength for strength, _ in inside)


def test_cycles(world, reader):
    beats = defaultdict(set)
    for (who, a, b), says in world.opinions().items():
        if says != "tie":
            beats[who].add((a, b) if says == "a" else (b, a))
    by_prompt = defaultdict(list)
    for response in world.responses:
        by_prompt[response.prompt_id].append(response.response_id)
    rows = {row["annotator"]: row for row in ask(reader, "from cycles")}
    for who, won in beats.items():
        n = circles = 0
        for triple in (triple for ids in by_prompt.values() for triple in combinations(ids, 3)):
            wins = [sum((x, y) in won for y in triple) for x in triple]
            n += sum(wins) == 3
            circles += wins == [1, 1, 1]
        found = rows.get(who, {"n": 0, "circles": 0})
        assert (found["n"], found["circles"]) == (n, circles)
    assert RATER not in rows or rows[RATER]["circles"] == 0
    assert sum(row["circles"] for row in rows.values()) > 0


def comparison(prompt, first, second, winner, annotator: str, failure: str | None = None) -> Vote:
    person = annotator == "people"
    record = f"{annotator} {first.response_id}"
    return Vote.of(
        prompt_id=prompt.prompt_id, shown_first=first.response_id, shown_second=second.response_id, record=record,
        winner=winner and winner.response_id, failure=failure, annotator=annotator, source="planted",
        annotator_kind="human" if person else "ai", annotator_version=None if person else "1",
        call_id=None if person else record,
    )  # fmt: skip


class Planted:
    """Answers whose quality differs by s ~ N(0, 1), seen by judges that add 1 to whatever stands first.

    One chooses the greater sum, one tosses a coin with logit 2 s + 1. People know the better one.
    """

    def __init__(self, lake: Lake, n: int) -> None:
        self.chance = random.Random(0)
        prompts = some_prompts(n)
        both = [two_responses(prompt) for prompt in prompts]
        votes = [vote for prompt, sides in zip(prompts, both, strict=True) for vote in self.votes(prompt, *sides)]
        lake.append(
            (PROMPTS, PROMPTS.rows(prompts)), (RESPONSES, RESPONSES.rows(side for sides in both for side in sides)),
            (VOTES, VOTES.rows(votes)),
        )  # fmt: skip

    def votes(self, prompt, one, two):
        s = self.chance.gauss(0, 1)
        yield comparison(prompt, one, two, one if s > 0 else two, "people")
        for first, second, ahead in ((one, two, s), (two, one, -s)):
            yield comparison(prompt, first, second, first if ahead + 1 > 0 else second, "decided")
            heads = self.chance.random() < 1 / (1 + exp(-(2 * ahead + 1)))
            yield comparison(prompt, first, second, first if heads else second, "tossing")


@pytest.fixture(scope="module")
def planted(tmp_path_factory):
    folder = tmp_path_factory.mktemp("planted") / "warehouse"
    with Lake.create(folder) as lake:
        Planted(lake, 3000)
    with reading(folder) as opened:
        yield opened


@pytest.mark.parametrize(
    ("judge", "consistent", "first_rate", "accuracy"),
    [
        # Consistent where |s| > 1: 2 (1 - Phi(1)) = 0.317, and always right there. First where s > -1: Phi(1) = 0.841.
        pytest.param("decided", 0.317, 0.841, 0.317, id="deterministic"),
        # Integrals over s of the logistic function: consistent 0.611, of these 0.907 right.
        pytest.param("tossing", 0.611, None, 0.611 * 0.907, id="stochastic"),
    ],
)
def test_a_planted_position_bias_is_found(planted, judge, consistent, first_rate, accuracy):
    (position,) = ask(planted, f"from position_bias where annotator = '{judge}'")
    (beside,) = ask(planted, f"from agreement where judge = '{judge}' and other is null")
    assert position["consistent"] == pytest.approx(consistent, abs=0.03)
    assert position["flipped"] == pytest.approx(1 - consistent, abs=0.03)
    assert first_rate is None or position["first_rate"] == pytest.approx(first_rate, abs=0.02)
    assert beside["accuracy"] == pytest.approx(accuracy, abs=0.03)
    assert beside["n_known"] == 3000


@pytest.mark.parametrize(
    ("said", "accuracy"),
    [
        pytest.param(["good", "good"], 1, id="right-twice"),
        pytest.param(["good", "tie"], 1, id="right-and-tie"),
        pytest.param(["good", "failed"], 1, id="right-and-unparsable"),
        pytest.param(["good", "bad"], 0, id="contradicts-itself"),
        pytest.param(["tie", "tie"], 0, id="ties"),
        pytest.param(["failed", "failed"], 0, id="unparsable-twice"),
        pytest.param(["bad", "tie"], 0, id="wrong-and-tie"),
        pytest.param(["good"], 1, id="one-order-right"),
        pytest.param(["bad"], 0, id="one-order-wrong"),
    ],
)
def test_accuracy_by_the_rule_of_judgebench(verdicts_on_one_pair, said, accuracy):
    assert verdicts_on_one_pair[tuple(said)] == accuracy


CASES = [[*said] for n in (1, 2) for said in product(["good", "bad", "tie", "failed"], repeat=n)]


@pytest.fixture(scope="module")
def verdicts_on_one_pair(tmp_path_factory):
    """Accuracy of a judge for every combination of verdicts in one or both orders."""
    (prompt,) = some_prompts(1)
    good, bad = two_responses(prompt)
    orders = [(good, bad), (bad, good)]
    votes = [comparison(prompt, good, bad, good, "people")]
    for said in CASES:
        for (first, second), verdict in zip(orders, said, strict=False):
            winner = {"good": good, "bad": bad}.get(verdict)
            failure = "unparsable" if verdict == "failed" else None
            votes.append(comparison(prompt, first, second, winner, "-".join(said), failure))
    folder = tmp_path_factory.mktemp("pair") / "warehouse"
    with Lake.create(folder) as lake:
        lake.append(
            (PROMPTS, PROMPTS.rows([prompt])), (RESPONSES, RESPONSES.rows([good, bad])), (VOTES, VOTES.rows(votes))
        )
    with reading(folder) as opened:
        rows = ask(opened, "from agreement where other is null")
    return {tuple(row["judge"].split("-")): row["accuracy"] for row in rows}
