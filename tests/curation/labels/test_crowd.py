import numpy as np
import pandas as pd
import pytest

from curation.labels.crowd import LEFT, RIGHT, TIE, Sheet, Voter
from curation.labels.evidence import Ballot, Evidence


def vote(verdict, annotator="x", first=None):
    return Ballot(a="a", b="b", verdict=verdict, annotator=annotator, shown_first=first)


def sheet(*ballots, **settings):
    return Sheet.of([Evidence(prompt_id="p", ballots=ballots)], **settings)


def test_every_vote_stands_both_ways_round():
    found = sheet(vote("a", first="b"), vote("tie", "y"))
    assert found.voters == {Voter("x", False): 0, Voter("x", True): 1, Voter("y"): 2}
    assert sorted(found.frame().to_numpy().tolist()) == [[0, 0, LEFT], [0, 2, TIE], [1, 1, RIGHT], [1, 2, TIE]]


def test_rows_of_one_label_stand_together():
    """crowd-kit's MACE takes rows of its tables by number, and sorts some of them."""
    found = sheet(vote("tie", "y"), vote("b", "z"), vote("a", "x"))
    assert found.frame()["label"].tolist() == [LEFT, LEFT, RIGHT, RIGHT, TIE, TIE]


def test_votes_may_be_read_without_their_order_or_without_ties():
    assert set(sheet(vote("a", first="a"), heed_order=False).voters) == {Voter("x")}
    left_out = sheet(vote("tie"), heed_ties=False)
    assert (left_out.couples, left_out.tasks) == ([("p", "a", "b")], [])


def test_both_ways_round_count_half():
    found = sheet(vote("a"), vote("tie"))
    likely = pd.DataFrame([[0.7, 0.2, 0.1], [0.1, 0.6, 0.3]])
    assert found.posteriors(likely)[0] == pytest.approx([(0.7 + 0.6) / 2, (0.2 + 0.1) / 2, 0.2])


def test_couples_without_a_vote_are_ties_and_lost_products_are_even():
    evidence = [
        Evidence(prompt_id="p", ballots=[vote("a")]),
        Evidence(prompt_id="q", ballots=[vote("tie")]),
        Evidence(prompt_id="r", ballots=[vote("b")]),
    ]
    found = Sheet.of(evidence, heed_ties=False)
    likely = pd.DataFrame([[1.0, 0.0], [0.0, 1.0], [np.nan, np.nan], [np.nan, np.nan]], index=[0, 1, 4, 5])
    assert found.posteriors(likely).tolist() == [[1, 0, 0], [0, 0, 1], [0.5, 0.5, 0]]


def test_errors_say_what_a_voter_does_where_a_side_is_better():
    """Ten couples: a careful annotator, and one who always takes the response shown first."""
    from crowdkit.aggregation import DawidSkene

    evidence = []
    for number in range(40):
        better, first = "ab"[number % 2], "ab"[number // 2 % 2]
        ballots = [vote(better, f"careful {i}", first) for i in range(3)] + [vote(first, "biased", first)]
        evidence.append(Evidence(prompt_id=f"p{number}", ballots=ballots))
    found = Sheet.of(evidence)
    errors = found.errors(DawidSkene().fit(found.frame()))
    assert errors[Voter("careful 0", True)] == pytest.approx(np.diag([1.0, 1.0, 0.0]), abs=1e-6)
    assert errors[Voter("biased", True)][:2] == pytest.approx(np.array([[1, 0, 0], [1, 0, 0]]), abs=1e-6)
    assert errors[Voter("biased", False)][:2] == pytest.approx(np.array([[0, 1, 0], [0, 1, 0]]), abs=1e-6)
