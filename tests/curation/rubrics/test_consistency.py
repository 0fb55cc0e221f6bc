"""The filter of OpenRubrics against its algebra, its closed forms and its simulations."""

import random
from math import comb

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation.judges.rubric import RubricJudge
from curation.rubrics.consistency import Said, Verdicts, consistency
from curation.rubrics.ranking import induced
from schemas.calls import Answered, Sampling

ABC = induced("abc")
REPLY = Answered("c", "ok", "", "stop", None, 1, None)


def said(pair, right, swapped=False):
    """A verdict on a pair (better, worse); None is a tie or a failure."""
    shown = pair[::-1] if swapped else pair
    return Said(shown, None if right is None else pair[0] if right else pair[1])


@pytest.mark.parametrize(
    ("right", "agreement", "exported"),
    [
        pytest.param((True, True, True), 1.0, 3, id="all-right"),
        pytest.param((True, True, False), 2 / 3, 2, id="two-of-three"),
        pytest.param((True, None, True), 2 / 3, 2, id="a-tie-or-failure-is-wrong"),
        pytest.param((True, False, False), 1 / 3, 0, id="one-of-three"),
        pytest.param((None, None, None), 0.0, 0, id="nothing-read"),
    ],
)
def test_a_rubric_is_kept_by_its_share_and_a_pair_by_its_verdict(right, agreement, exported):
    found = consistency(ABC, [said(pair, one) for pair, one in zip(ABC, right, strict=True)])
    assert found.agreement == pytest.approx(agreement)
    assert found.accepted(0.5) == (exported > 0)
    assert len(found.instances(0.5)) == exported
    assert set(found.instances(0.5)) <= {pair for pair, one in zip(ABC, right, strict=True) if one}


def test_a_pair_that_was_not_judged_is_wrong():
    assert consistency(ABC, [said(ABC[0], True)]).agreement == pytest.approx(1 / 3)


@pytest.mark.parametrize(
    ("both", "agreement", "right"),
    [((True, True), 1.0, True), ((True, False), 0.5, False), ((None, True), 0.5, False), ((False, None), 0.0, False)],
    ids=str,
)
def test_each_order_is_half_of_a_pair_and_training_needs_both(both, agreement, right):
    pair = ("a", "b")
    found = consistency([pair], [said(pair, both[0]), said(pair, both[1], swapped=True)])
    assert found.agreement == agreement
    assert found.right == ((pair,) if right else ())


def test_samples_vote_in_their_order():
    pair = ("a", "b")
    three_of_five = [said(pair, one) for one in (True, True, True, False, None)]
    two_of_five = [said(pair, one, swapped=True) for one in (True, True, False, False, None)]
    assert consistency([pair], three_of_five).agreement == 1
    assert consistency([pair], [*three_of_five, *two_of_five]).agreement == 0.5


@given(st.permutations([said(pair, right, swap) for pair in ABC for right in (True, False) for swap in (True, False)]))
def test_the_order_of_verdicts_does_not_matter(verdicts):
    assert consistency(ABC, verdicts) == consistency(ABC, sorted(verdicts, key=str))


N_RUBRICS = 20_000


def simulated(answers, tau=0.5):
    """Half of the rubrics lead to the right verdict with p=.9, half with p=.45 (data.md 33.3)."""
    rng = random.Random(answers)
    known = induced("abcd"[:answers])
    kept, good, instances = 0, 0, 0
    for number in range(N_RUBRICS):
        p = 0.9 if number % 2 else 0.45
        found = consistency(known, [said(pair, rng.random() < p, rng.random() < 0.5) for pair in known])
        kept += found.accepted(tau)
        instances += len(found.instances(tau))
        good += len(found.instances(tau)) * (number % 2)
    return kept / N_RUBRICS, instances / (N_RUBRICS * len(known)), good / instances


@pytest.mark.parametrize(
    ("answers", "kept_rubrics", "kept_instances", "good_share", "least"),
    [(2, 0.675, 0.675, 0.669, 0.65), (3, 0.699, 0.602, 0.742, 0.72), (4, 0.780, 0.618, 0.730, 0.72)],
    ids=["two-answers", "three", "four"],
)
def test_the_filter_enriches_good_rubrics(answers, kept_rubrics, kept_instances, good_share, least):
    rubrics, instances, good = simulated(answers)
    assert rubrics == pytest.approx(kept_rubrics, abs=0.01)
    assert instances == pytest.approx(kept_instances, abs=0.01)
    assert good == pytest.approx(good_share, abs=0.01)
    assert good >= least


def test_of_two_answers_a_rubric_that_says_nothing_passes_half_the_time():
    rng = random.Random(2)
    passed = [consistency([("a", "b")], [said(("a", "b"), rng.random() < 0.5)]).accepted(0.5) for _ in range(N_RUBRICS)]
    assert sum(passed) / N_RUBRICS == pytest.approx(0.5, abs=0.015)


def test_a_stricter_threshold_helps_with_four_answers():
    assert simulated(4, tau=0.67)[2] > simulated(4, tau=0.5)[2] + 0.05


@pytest.mark.parametrize(("p", "kept_noise"), [(0.7, 0.096774), (0.8, 0.058824), (0.9, 0.027027)])
def test_planted_label_noise_falls_to_its_closed_form(p, kept_noise):
    """Labels wrong with .2; a judge that agrees with the truth at p passes e(1-p) / (e(1-p) + (1-e)p) wrong ones."""
    rng = random.Random(int(p * 10))
    pair, wrong, kept = ("a", "b"), 0, 0
    for _ in range(30_000):
        is_wrong = rng.random() < 0.2
        agrees_with_truth = rng.random() < p
        found = consistency([pair], [said(pair, agrees_with_truth != is_wrong)])
        kept += found.accepted(0.5)
        wrong += found.accepted(0.5) and is_wrong
    closed = 0.2 * (1 - p) / (0.2 * (1 - p) + 0.8 * p)
    assert closed == pytest.approx(kept_noise, abs=1e-6)
    assert wrong / kept == pytest.approx(kept_noise, abs=0.01)


@pytest.mark.parametrize(("p", "expected"), [(0.55, 0.593127), (0.6, 0.682560), (0.7, 0.836920), (0.8, 0.942080)])
def test_voting_at_five_is_the_binomial_majority(p, expected):
    rng = random.Random(5)
    pair, n = ("a", "b"), 20_000
    shares = [consistency([pair], [said(pair, rng.random() < p) for _ in range(5)]).agreement for _ in range(n)]
    assert sum(comb(5, k) * p**k * (1 - p) ** (5 - k) for k in (3, 4, 5)) == pytest.approx(expected)
    assert sum(shares) / n == pytest.approx(expected, abs=0.01)


def test_the_last_reply_to_a_question_counts(group, vote_on):
    judge = RubricJudge(model="m", samples=2, sampling=Sampling(temperature=0.7))
    verdicts = Verdicts()
    question, twin = list(judge.asked(group, 0))[:2]
    assert question.subject.shown == twin.subject.shown
    verdicts.add(question, REPLY, [vote_on(question, failure="unparsable")])
    verdicts.add(twin, REPLY, [vote_on(twin, winner=1)])
    verdicts.add(question.again(), REPLY, [vote_on(question, winner=0)])
    first, second = question.subject.shown
    assert verdicts.on(group.rubric.rubric_id) == [Said((first, second), first), Said((first, second), second)]
    assert verdicts.on("another") == []
