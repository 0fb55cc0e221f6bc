"""The treated version: members, flips, drops and a funnel that adds up."""

import numpy as np
import polars as pl
import pytest

from curation.voting.strength import Policy, Rewards
from curation.voting.successor import Votes, successor
from schemas.pairs import Pair, pair_id_of


def pair(name, chosen="good", rejected="bad"):
    sides = (name, f"{name} {chosen}", name, f"{name} {rejected}")
    return Pair(
        pair_id=pair_id_of(*sides), prompt_id=name, chosen_id=sides[1], rejected_prompt_id=name, rejected_id=sides[3]
    )


PAIRS = [pair(f"p{n}") for n in range(10)]
POLICY = Policy(standardise=False, anchors=0, q_flip=0.3, q_amb=0.5, q_top=0)
STRENGTHS = [-3.0, -2.0, -1.0, 0.1, 0.2, 1.0, 2.0, 3.0]


def member(one, split="train"):
    return {
        "pair_id": one.pair_id, "split": split, "rule": "r", "label_source": "s", "margin": 7.0, "weight": 0.5,
        "soft_label": 0.8,
    }  # fmt: skip


def made(policy, others=()):
    """Eight pairs with votes; of the other two one is of the test split and one could not be voted on."""
    members = pl.DataFrame([member(one, "test" if n == 9 else "train") for n, one in enumerate([*PAIRS, *others])])
    table = np.array([STRENGTHS])
    rewards = Rewards(voters=("v",), chosen=table, rejected=0 * table)
    votes = Votes([one.pair_id for one in PAIRS[:8]], rewards)
    rows = [{name: getattr(one, name) for name in Pair.__slots__} for one in PAIRS]
    return successor(votes, members, pl.DataFrame(rows), policy, "run")


def test_flips_are_new_pairs_that_keep_weight_and_label():
    done = made(POLICY)
    after = {row["pair_id"]: row for row in done.members.to_dicts()}
    assert done.flips == [one.flipped("run") for one in PAIRS[:2]]
    for one, mu in zip(PAIRS[:2], STRENGTHS, strict=False):
        assert one.pair_id not in after
        row = after[one.flipped().pair_id]
        assert (row["margin"], row["weight"], row["soft_label"]) == (-mu, 0.5, 0.8)
        assert (row["rule"], row["label_source"]) == ("r, flipped", f"vote:{POLICY.hash[:8]}")
    assert done.strengths["treated_id"].to_list()[:3] == [*(one.pair_id for one in done.flips), PAIRS[2].pair_id]


def test_what_is_not_flipped_is_treated_in_place_and_the_rest_is_left_alone():
    after = {row["pair_id"]: row for row in made(POLICY).members.to_dicts()}
    soft, hard = after[PAIRS[3].pair_id], after[PAIRS[7].pair_id]
    assert (soft["soft_label"], soft["margin"]) == (pytest.approx(0.8 * 0.9 + 0.2 * 0.1), 0.1)
    assert (hard["soft_label"], hard["margin"], hard["rule"]) == (0.8, 3.0, "r")
    for place, split in ((8, "train"), (9, "test")):
        assert after[PAIRS[place].pair_id] == member(PAIRS[place], split)


def test_drops_carry_the_band_and_the_funnel_adds_up():
    done = made(POLICY.model_copy(update={"wrong": "drop", "ambiguous": "drop"}))
    assert {drop.row_id: drop.reason for drop in done.drops} == {
        **dict.fromkeys([one.pair_id for one in PAIRS[:2]], "wrong"),
        **dict.fromkeys([one.pair_id for one in PAIRS[2:4]], "ambiguous"),
    }
    assert (done.funnel.read, done.funnel.kept) == (10, 6) == (10, len(done.members))
    assert done.strengths["treated_id"].null_count() == 4


def test_a_pair_whose_flip_is_a_member_is_dropped():
    done = made(POLICY, others=[PAIRS[0].flipped()])
    assert [(drop.row_id, drop.reason) for drop in done.drops] == [(PAIRS[0].pair_id, "flip_is_there")]
    assert [one.pair_id for one in done.flips] == [PAIRS[1].flipped().pair_id]
    assert done.members["pair_id"].n_unique() == len(done.members) == 10
    assert done.strengths["treatment"][0] == "drop"
    assert done.strengths["treated_id"][0] is None
