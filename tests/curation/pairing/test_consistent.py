from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation.labels.evidence import Ballot, Evidence
from curation.pairing import build_pairs
from curation.pairing.consistent import MOST, Consistent, contradictions, nearest_order

NAMES = "abcde"


def beats(*couples):
    """A vote for the first of each couple."""
    return Evidence(
        prompt_id="p",
        ballots=[
            Ballot(a=min(one, other), b=max(one, other), verdict="a" if one < other else "b", strength=None)
            for one, other in couples
        ],
    )


def test_an_order_without_a_circle_is_kept_whole():
    built = build_pairs(Consistent(), [beats("ab", "bc", "ac", "cd")])
    assert {pair.chosen_id + pair.rejected_id for pair in built.pairs} == {"ab", "bc", "ac", "cd"}


def test_the_weakest_verdict_of_a_circle_is_dropped_and_kept_as_evidence():
    built = build_pairs(Consistent(), [beats("ab", "ab", "bc", "bc", "ca", "ad")])
    assert {pair.chosen_id + pair.rejected_id for pair in built.pairs} == {"ab", "bc", "ad"}
    assert dict(built.funnel.dropped) == {"cycle": 1}


def test_of_a_circle_of_equals_one_verdict_goes():
    assert dict(build_pairs(Consistent(), [beats("ab", "bc", "ca")]).funnel.dropped) == {"cycle": 1}


weights = st.dictionaries(
    st.sampled_from([(x, y) for x, y in permutations(NAMES, 2)]), st.integers(1, 5).map(float), max_size=12
).map(lambda found: {couple: weight for couple, weight in found.items() if couple[::-1] not in found})


@given(beaten=weights)
def test_the_nearest_order_is_the_best_of_all(beaten):
    def cost(order):
        return sum(weight for (better, worse), weight in beaten.items() if order.index(better) > order.index(worse))

    assert cost(nearest_order(list(NAMES), beaten)) == min(map(cost, permutations(NAMES)))


@given(beaten=weights)
def test_what_is_left_has_no_circle(beaten):
    left = {couple: weight for couple, weight in beaten.items() if couple not in contradictions(beaten)}
    assert not contradictions(left)


def test_a_large_circle_is_ordered_by_wins():
    names = [f"r{i:02}" for i in range(MOST + 8)]
    circle = {(names[i], names[(i + 1) % len(names)]): 2.0 for i in range(len(names))}
    circle[names[-1], names[0]] = 1.0
    against = contradictions(circle)
    assert against
    assert not contradictions({couple: weight for couple, weight in circle.items() if couple not in against})


@pytest.mark.parametrize("count", [2, 3])
def test_ties_and_split_votes_stay_what_they_are(count):
    tied = Evidence(prompt_id="p", ballots=[Ballot(a="a", b="b", verdict="tie", strength=None)] * count)
    assert dict(build_pairs(Consistent(), [tied]).funnel.dropped) == {"tie": 1}
