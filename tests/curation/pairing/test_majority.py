import random

import pytest

from curation.labels.evidence import Ballot, Evidence
from curation.pairing import build_pairs
from curation.pairing.majority import Majority


def votes(*said):
    return Evidence(prompt_id="p", ballots=[Ballot(a="a", b="b", verdict=v, strength=s) for v, s in said])


@pytest.mark.parametrize(
    ("said", "chosen", "margin", "soft_label"),
    [
        pytest.param([("a", 2.0)], "a", 2.0, 1.0, id="one-vote"),
        pytest.param([("b", 2.0), ("b", 1.0), ("a", 1.0)], "b", 2 / 3, 2 / 3, id="two-to-one"),
        pytest.param([("b", 2.0), ("tie", 0.0)], "b", 1.0, 1.0, id="a-tie-halves-the-margin"),
        pytest.param([("b", None)], "b", 1.0, 1.0, id="no-strength-given"),
    ],
)
def test_the_side_with_more_votes_is_chosen(said, chosen, margin, soft_label):
    built = build_pairs(Majority(), [votes(*said)])
    assert built.pairs[0].chosen_id == chosen
    assert built.members.column("margin").to_pylist() == pytest.approx([margin])
    assert built.members.column("soft_label").to_pylist() == pytest.approx([soft_label])


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        pytest.param([("tie", 0.0), ("tie", 0.0)], "tie", id="all-ties"),
        pytest.param([("a", 2.0), ("b", 1.0)], "split_vote", id="one-each"),
    ],
)
def test_an_undecided_vote_makes_no_pair(said, reason):
    assert dict(build_pairs(Majority(), [votes(*said)]).funnel.dropped) == {reason: 1}


@pytest.mark.parametrize(("accuracy", "expected"), [(0.55, 0.593127), (0.6, 0.68256), (0.7, 0.83692), (0.8, 0.94208)])
def test_five_samples_are_right_as_often_as_the_binomial_majority(accuracy, expected):
    """`methods/data.md` 2(g)4, within .01 on 20,000 items."""
    chance = random.Random(0)
    evidence = [
        Evidence(
            prompt_id=f"p{item}",
            ballots=[Ballot(a="a", b="b", verdict="a" if chance.random() < accuracy else "b") for _ in range(5)],
        )
        for item in range(20_000)
    ]
    right = [pair.chosen_id == "a" for pair in build_pairs(Majority(), evidence).pairs]
    assert len(right) == 20_000
    assert sum(right) / len(right) == pytest.approx(expected, abs=0.01)
