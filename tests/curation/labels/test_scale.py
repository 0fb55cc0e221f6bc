import numpy as np

from curation.labels.evidence import Ballot, Evidence
from curation.labels.scale import parts, tied_share, wins


def evidence(*said):
    """Verdicts as `ab` (a wins), `a=b`."""
    ballots = []
    for text in said:
        one, other, tie = text[0], text[-1], "=" in text
        verdict = "tie" if tie else "a" if one < other else "b"
        ballots.append(Ballot(a=min(one, other), b=max(one, other), verdict=verdict))
    return Evidence(prompt_id="p", ballots=ballots)


def test_responses_that_no_comparison_connects_stand_apart():
    assert parts(evidence("ab", "cd", "db", "e=f")) == [["a", "b", "c", "d"], ["e", "f"]]


def test_a_tie_and_a_comparison_are_half_a_win_each():
    won = wins(evidence("ab", "ab", "ba", "b=c"), ["a", "b", "c"])
    assert np.array_equal(won, [[0, 2.5, 0], [1.5, 0, 1], [0, 1, 0]])


def test_the_share_of_ties_goes_with_smoothed_wins():
    assert tied_share(evidence("ab", "a=b", "a=b"), "a", "b") == 0.5
