import random
from itertools import combinations
from math import exp, log

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation.labels.evidence import Ballot, Evidence
from curation.pairing import build_pairs
from curation.pairing.bradley_terry import BradleyTerry
from curation.pairing.consistent import contradictions

names = st.sampled_from("abcdef")
duels = st.lists(st.tuples(names, names).filter(lambda two: two[0] != two[1]), min_size=1, max_size=25)


def beats(couples):
    """A vote for the first of each couple."""
    ballots = [
        Ballot(a=min(one, other), b=max(one, other), verdict="a" if one < other else "b") for one, other in couples
    ]
    return Evidence(prompt_id="p", ballots=ballots)


@pytest.mark.parametrize(("won", "lost"), [(1, 0), (3, 0), (2, 1), (5, 2)])
def test_of_two_responses_the_strength_is_the_logit_of_smoothed_wins(won, lost):
    """`methods/data.md` 2: p = (wins + 1/2) / (votes + 1), strength = logit(p)."""
    share = (won + 0.5) / (won + lost + 1)
    members = build_pairs(BradleyTerry(), [beats(["ab"] * won + ["ba"] * lost)]).members
    assert members.column("margin").to_pylist() == pytest.approx([log(share / (1 - share))], abs=1e-6)
    assert members.column("soft_label").to_pylist() == pytest.approx([share], abs=1e-6)


def test_planted_strengths_are_found():
    """Six responses, 400 votes on each couple: differences of log odds, within their standard error of some 0.1."""
    chance, true = random.Random(0), dict(zip("abcdef", (1.5, 0.9, 0.2, -0.3, -0.9, -1.4), strict=True))
    couples = [
        (one, other) if chance.random() < 1 / (1 + exp(true[other] - true[one])) else (other, one)
        for one, other in combinations(true, 2)
        for _ in range(400)
    ]
    built = build_pairs(BradleyTerry(), [beats(couples)])
    found = dict(zip([pair.chosen_id + pair.rejected_id for pair in built.pairs],
                     built.members.column("margin").to_pylist(), strict=True))  # fmt: skip
    assert found == pytest.approx(
        {one + other: true[one] - true[other] for one, other in combinations(true, 2)}, abs=0.35
    )
    assert np.mean([abs(margin - true[key[0]] + true[key[1]]) for key, margin in found.items()]) < 0.15


@given(couples=duels)
def test_pairs_never_run_in_a_circle(couples):
    built = build_pairs(BradleyTerry(least_probability=0), [beats(couples)])
    assert not contradictions({(pair.chosen_id, pair.rejected_id): 1.0 for pair in built.pairs})


def test_a_scale_tells_of_couples_that_nobody_compared():
    evidence = beats(["ab", "ab", "bc", "bc", "de"])
    assert len(build_pairs(BradleyTerry(), [evidence]).pairs) == 3
    pairs = build_pairs(BradleyTerry(inferred=True), [evidence]).pairs
    assert {pair.chosen_id + pair.rejected_id for pair in pairs} == {"ab", "bc", "ac", "de"}


def test_ties_are_a_class_and_draw_the_strengths_together():
    tied = Evidence(prompt_id="p", ballots=[Ballot(a="a", b="b", verdict=said) for said in ("tie", "tie", "a")])
    assert dict(build_pairs(BradleyTerry(), [tied]).funnel.dropped) == {"tie": 1}
    rather = Evidence(prompt_id="p", ballots=[Ballot(a="a", b="b", verdict=said) for said in ("tie", "a", "a", "a")])
    members = build_pairs(BradleyTerry(), [rather]).members
    assert members.column("soft_label").to_pylist() == pytest.approx([4 / 5])  # 3 + 1/2 + 1/2 of 4 + 1
