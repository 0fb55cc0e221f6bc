import pytest

from curation.labels.evidence import Evidence
from curation.pairing import build_pairs
from curation.pairing.mace import Mace
from curation.pairing.majority import Majority
from tests.curation.pairing.planted import accuracy, crowd, vote

ANNOTATORS = {
    **{f"knows {i}": (0.95, 0.0) for i in range(4)},
    **{f"guesses {i}": (0.5, 0.0) for i in range(3)},
    **{f"takes the first {i}": (0.5, 1.0) for i in range(3)},
}


def test_who_guesses_is_found_out(record_property):
    planted = crowd(600, ANNOTATORS, votes=5)
    found, plain = (accuracy(builder, *planted) for builder in (Mace(), Majority()))
    record_property("MACE beside majority, 6 of 10 annotators guess", f"{found[1]:.3f} beside {plain[1]:.3f}")
    assert found[1] > plain[1] + 0.1
    assert found[1] > 0.93


def test_careless_ties_are_better_left_out():
    """A verdict that is rare counts as knowledge, though here it is none."""
    planted = crowd(500, {f"x{i}": (0.8, 0.0) for i in range(10)}, ties=0.1)
    with_ties, without = (accuracy(Mace(heed_ties=heed), *planted) for heed in (True, False))
    assert without[0] > with_ties[0] + 0.1
    assert without[1] == pytest.approx(0.88, abs=0.05)


def test_no_start_decides_what_the_votes_leave_open():
    split = [Evidence(prompt_id=f"p{i}", ballots=[vote("a", f"x{i}", "a"), vote("b", f"y{i}", "b")]) for i in range(8)]
    assert dict(build_pairs(Mace(), split).funnel.dropped) == {"split_vote": 8}
