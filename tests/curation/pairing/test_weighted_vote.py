import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation.labels.evidence import Evidence
from curation.pairing import build_pairs
from curation.pairing.majority import Majority
from curation.pairing.weighted_vote import WeightedVote
from tests.curation.pairing.planted import accuracy, crowd, vote

ANNOTATORS = {f"good {i}": (0.95, 0.0) for i in range(4)} | {f"poor {i}": (0.5, 0.0) for i in range(6)}


def test_who_agrees_with_others_decides_split_votes(record_property):
    """Two against two leave a majority without an answer; the weights know who is usually right."""
    planted = crowd(2000, ANNOTATORS, votes=4)
    (kept, right), (plain_kept, plain_right) = (accuracy(builder, *planted) for builder in (WeightedVote(), Majority()))
    split_right = (kept * right - plain_kept * plain_right) / (kept - plain_kept)
    record_property(
        "weighted vote", f"decides {kept:.3f} of couples, a majority {plain_kept:.3f}; right in {split_right:.3f} more"
    )
    assert kept == 1
    assert plain_kept < 0.8
    assert split_right > 0.7


def test_margin_and_soft_label_are_shares_of_the_weight():
    """x and y agree with the majority of three couples, z with that of two: weights 1, 1, 2/3."""
    said = ["aaa", "aaa", "aab"]
    evidence = [
        Evidence(prompt_id=f"p{i}", ballots=[vote(one, who) for one, who in zip(row, "xyz", strict=True)])
        for i, row in enumerate(said)
    ]
    members = build_pairs(WeightedVote(), evidence).members
    assert members.column("soft_label").to_pylist() == pytest.approx([1, 1, 2 / (2 + 2 / 3)])
    assert members.column("margin").to_pylist() == pytest.approx([1, 1, (2 - 2 / 3) / (2 + 2 / 3)])


def test_a_split_vote_goes_to_the_annotator_who_is_usually_right():
    agreed = [Evidence(prompt_id=f"q{i}", ballots=[vote("a", who) for who in ("x", "v", "w")]) for i in range(3)]
    odd = [Evidence(prompt_id=f"r{i}", ballots=[vote("a", "v"), vote("a", "w"), vote("b", "z")]) for i in range(3)]
    split = Evidence(prompt_id="p", ballots=[vote("a", "x"), vote("b", "z")])
    (pair,) = [one for one in build_pairs(WeightedVote(), [*agreed, *odd, split]).pairs if one.prompt_id == "p"]
    assert pair.chosen_id == "a"


@given(said=st.lists(st.sampled_from("ab"), min_size=1, max_size=7))
def test_of_one_annotator_all_votes_weigh_the_same(said):
    evidence = [Evidence(prompt_id="p", ballots=[vote(one) for one in said])]
    one, other = (build_pairs(builder, evidence) for builder in (WeightedVote(), Majority()))
    assert one.pairs == other.pairs
    assert dict(one.funnel.dropped) == dict(other.funnel.dropped)
