import random
from math import exp

import pytest

from curation.adaptive import Ask, Panel, next_round, unsure
from curation.labels.comparison import Posterior
from curation.labels.evidence import Ballot, Evidence
from curation.pairing import build_pairs
from curation.pairing.dawid_skene import DawidSkene

PANEL = Panel(prices={"cheap": 1, "mild": 2, "strong": 4}, probed=0)
COUPLE = ("p", "a", "b")


def votes(*said):
    """(annotator, shown first, verdict) on a and b."""
    return Evidence(
        prompt_id="p",
        ballots=[Ballot(a="a", b="b", annotator=who, shown_first=first, verdict=won) for who, first, won in said],
    )


def test_the_cheapest_judge_comes_first_and_each_in_both_orders():
    asked = PANEL.questions(COUPLE)
    assert [ask.annotator for ask in asked] == ["cheap", "cheap", "mild", "mild", "strong", "strong"]
    assert all({ask.shown_first, ask.shown_second} == {"a", "b"} for ask in asked)
    assert asked[0].shown_first == asked[1].shown_second


def test_which_order_comes_first_is_drawn():
    firsts = [PANEL.questions((f"p{i}", "a", "b"))[0].shown_first for i in range(400)]
    assert firsts.count("a") == pytest.approx(200, abs=40)


def test_a_comparison_without_votes_is_asked_the_first_question():
    assert next_round(PANEL, [], [COUPLE], set()) == PANEL.questions(COUPLE)[:1]


def test_a_question_that_got_no_verdict_is_not_put_again():
    """An unparsable reply is no vote, but it was asked."""
    first, second, *_ = PANEL.questions(COUPLE)
    assert next_round(PANEL, [], [COUPLE], {first}) == [second]
    assert next_round(PANEL, [], [COUPLE], set(PANEL.questions(COUPLE))) == []


def test_probed_comparisons_are_asked_everything_at_once():
    assert next_round(PANEL.model_copy(update={"probed": 1.0}), [], [COUPLE], set()) == PANEL.questions(COUPLE)


@pytest.mark.parametrize(
    ("likely", "open_"),
    [((0.97, 0.02, 0.01), False), ((0.01, 0.01, 0.98), False), ((0.6, 0.4, 0.0), True), ((0.94, 0.03, 0.03), True)],
    ids=["a", "tie", "even", "nearly"],
)
def test_a_comparison_is_open_while_no_outcome_is_likely_enough(likely, open_):
    assert unsure(Posterior(*likely), 0.95) is open_


def test_a_settled_comparison_is_left_alone():
    agreed = votes(*[(who, first, "a") for who in ("cheap", "mild") for first in "ab"])
    assert next_round(PANEL, [agreed], [COUPLE], set()) == []


def test_a_dear_judge_is_asked_for_its_price_in_information():
    """Votes that contradict each other are open; unknown judges are equally good, so the cheapest one left is asked."""
    split = votes(("cheap", "a", "a"), ("cheap", "b", "b"))
    asked = {ask for ask in PANEL.questions(COUPLE) if ask.annotator == "cheap"}
    assert next_round(PANEL, [split], [COUPLE], asked)[0].annotator == "mild"
    even = PANEL.model_copy(update={"prices": {"cheap": 1, "strong": 1.5, "mild": 2}})
    assert next_round(even, [split], [COUPLE], asked)[0].annotator == "strong"


class Judges:
    """Judges of planted qualities: say a with the log odds sharpness * (quality of a - b) + pull to the first place."""

    ways = {"bold": (2.0, 1.0), "meek": (2.0, 1.5), "last": (2.5, -1.0), "strong": (5.0, 0.0)}  # noqa: RUF012

    def __init__(self, count, seed):
        chance = random.Random(seed)
        self.gaps = {(f"p{i}", "a", "b"): chance.gauss(0, 1) for i in range(count)}
        self.replies = {}
        for (prompt_id, a, b), gap in self.gaps.items():
            for who, (sharpness, pull) in self.ways.items():
                for first, second, sign in ((a, b, 1), (b, a, -1)):
                    wins = chance.random() < 1 / (1 + exp(-(sharpness * gap + sign * pull)))
                    self.replies[Ask(prompt_id, first, second, who)] = "a" if wins else "b"

    def evidence(self, asked):
        ballots = {}
        for ask in sorted(asked):
            ballot = Ballot(
                a="a", b="b", annotator=ask.annotator, shown_first=ask.shown_first, verdict=self.replies[ask]
            )
            ballots.setdefault(ask.prompt_id, []).append(ballot)
        return [Evidence(prompt_id=prompt_id, ballots=found) for prompt_id, found in ballots.items()]

    def accuracy(self, asked):
        """Share of comparisons whose pair goes the right way; one without a pair is half right."""
        built = build_pairs(DawidSkene(least_probability=0), self.evidence(asked))
        right = sum((self.gaps[pair.prompt_id, "a", "b"] > 0) == (pair.chosen_id == "a") for pair in built.pairs)
        return (right + (len(self.gaps) - len(built.pairs)) / 2) / len(self.gaps)


def rounds_of(panel, judges):
    """Every round of questions, until there are no more."""
    asked = set()
    while more := next_round(panel, judges.evidence(asked), judges.gaps, asked):
        asked |= set(more)
        yield more


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_a_planned_panel_is_as_accurate_as_a_full_one_at_half_the_calls(seed, record_property):
    """Three judges that prefer a place and are often wrong, and one that is neither; a call is a call."""
    judges = Judges(2000, seed)
    panel = Panel(prices=dict.fromkeys(Judges.ways, 1.0))
    everything = {ask for couple in judges.gaps for ask in panel.questions(couple)}
    rounds = list(rounds_of(panel, judges))
    asked = {ask for more in rounds for ask in more}
    assert len(asked) == sum(map(len, rounds))
    found, best = judges.accuracy(asked), judges.accuracy(everything)
    figure = f"accuracy {found:.3f} of {best:.3f} at {len(asked) / len(everything):.1%} of the calls"
    record_property(f"adaptive judging, seed {seed}", f"{figure}, {len(rounds)} rounds")
    assert found >= best - 0.01
    assert len(asked) <= 0.5 * len(everything)


def test_a_dear_judge_is_asked_less(record_property):
    judges, shares = Judges(1000, seed=0), {}
    for price in (1.0, 8.0):
        panel = Panel(prices=dict.fromkeys(Judges.ways, 1.0) | {"strong": price})
        asked = {ask for more in rounds_of(panel, judges) for ask in more}
        shares[price] = sum(ask.annotator == "strong" for ask in asked) / 1000
        figure = f"asked {shares[price]:.2f} times a comparison, accuracy {judges.accuracy(asked):.3f}"
        record_property(f"adaptive judging, a strong judge of price {price:g}", figure)
    assert shares[8.0] < 0.6 * shares[1.0]


def test_the_plan_does_not_depend_on_the_order_of_what_is_known():
    judges = Judges(60, seed=3)
    panel = Panel(prices={"bold": 1, "strong": 2}, probed=0.2)
    asked = {ask for couple in judges.gaps for ask in panel.questions(couple)[:2]}
    evidence = judges.evidence(asked)
    backwards = [Evidence(prompt_id=one.prompt_id, ballots=one.ballots[::-1]) for one in evidence[::-1]]
    plan = next_round(panel, evidence, judges.gaps, asked)
    assert plan
    assert sorted(plan) == sorted(next_round(panel, backwards, list(judges.gaps)[::-1], asked))
