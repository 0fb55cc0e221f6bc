from math import log

import pytest
from hypothesis import given

from curation.pairing import build_pairs
from curation.pairing.bradley_terry import BradleyTerry
from curation.pairing.consistent import contradictions
from curation.pairing.rank_centrality import RankCentrality
from tests.curation.pairing.test_bradley_terry import beats, duels


@pytest.mark.parametrize(("won", "lost"), [(1, 0), (3, 0), (2, 1), (5, 2)])
def test_of_two_responses_it_is_bradley_terry(won, lost):
    share = (won + 0.5) / (won + lost + 1)
    members = build_pairs(RankCentrality(), [beats(["ab"] * won + ["ba"] * lost)]).members
    assert members.column("margin").to_pylist() == pytest.approx([log(share / (1 - share))], abs=1e-6)


def test_a_couple_counts_the_same_however_many_votes_it_has():
    """b lost to a once and to c always: Bradley-Terry believes the many votes on b and c most."""
    once = beats(["ab", "bc", "ac"])
    often = beats(["ab"] + ["bc"] * 9 + ["ac"])
    one, other = (
        build_pairs(RankCentrality(), [found]).members.column("margin").to_pylist() for found in (once, often)
    )
    assert other[0] == pytest.approx(one[0], abs=0.5)
    terry = build_pairs(BradleyTerry(), [often]).members.column("margin").to_pylist()
    assert terry != pytest.approx(other, abs=0.1)


@given(couples=duels)
def test_pairs_never_run_in_a_circle(couples):
    built = build_pairs(RankCentrality(least_probability=0), [beats(couples)])
    assert not contradictions({(pair.chosen_id, pair.rejected_id): 1.0 for pair in built.pairs})
