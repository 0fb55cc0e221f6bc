"""What a version becomes once its pairs are treated by their strength: members, flipped pairs, drops with reasons."""

from __future__ import annotations

from typing import NamedTuple

import polars as pl

from curation.voting.strength import Policy, Rewards
from schemas.datasets import TREATMENT
from schemas.drops import Drop
from schemas.funnel import Funnel
from schemas.pairs import Pair

STAGE = "vote"
FLIPPED = ", flipped"
"""What the rule of a flipped pair ends with, after the rule that made the old one."""


class Votes(NamedTuple):
    """Rewards of some pairs, in the order of their ids."""

    pair_ids: list[str]
    rewards: Rewards


class Successor(NamedTuple):
    """All that voting makes of a version."""

    strengths: pl.DataFrame
    """A row a voted pair: the columns of `pair_strength` but those that name the panel, the policy and the run"""
    members: pl.DataFrame
    """TREATMENT columns"""
    flips: list[Pair]
    drops: list[Drop]
    funnel: Funnel


def successor(votes: Votes, members: pl.DataFrame, pairs: pl.DataFrame, policy: Policy, run_id: str) -> Successor:
    """The treated version. `members` has the TREATMENT columns of all its pairs, `pairs` rows of the voted ones.

    A flipped pair keeps its soft label, so that flipping twice is nothing. Where a version holds both a pair and its
    flip, the one that the voters are against is dropped.
    """
    was = pl.DataFrame({"pair_id": votes.pair_ids}).join(members, "pair_id", how="left", maintain_order="left")
    margins = was["margin"].fill_null(float("nan")).to_numpy()
    treated = policy.treat(votes.rewards, was["soft_label"].to_numpy(), margins)
    treated = treated.with_columns(was["pair_id"], *votes.rewards.columns())

    turned = pairs.join(treated.filter(treatment="flip"), "pair_id", how="semi")
    flips = {row["pair_id"]: Pair(**row).flipped(run_id) for row in turned.to_dicts()}
    there = {*members["pair_id"].to_list()}
    doubled = [old for old, new in flips.items() if new.pair_id in there]
    left = treated.filter(treatment="drop")
    reasons = dict(zip(left["pair_id"], left["band"], strict=True)) | dict.fromkeys(doubled, "flip_is_there")
    drops = [
        Drop.of(STAGE, "pair", reason, row_id=pair_id, detail=f"policy {policy.hash}", run_id=run_id)
        for pair_id, reason in sorted(reasons.items())
    ]
    dropped = pl.col("pair_id").is_in(list(reasons))
    treated = treated.with_columns(
        treatment=pl.when(dropped).then(pl.lit("drop")).otherwise("treatment"),
        treated_id=pl.when(~dropped).then(pl.col("pair_id").replace({old: new.pair_id for old, new in flips.items()})),
    )
    after = _after(members, treated, policy)
    funnel = Funnel.of(STAGE, "pairs", read=len(members), kept=len(after), drops=drops)
    kept = [new for old, new in flips.items() if old not in reasons]
    return Successor(treated.drop("band"), after, kept, drops, funnel)


def _after(members: pl.DataFrame, treated: pl.DataFrame, policy: Policy) -> pl.DataFrame:
    """The members of the successor: those without a vote as they were."""
    new = treated.select("pair_id", "treatment", "treated_id", new_margin="margin", new_label="soft_label")
    both = members.join(new, "pair_id", how="left").filter(pl.col("treatment").ne_missing("drop"))
    voted, flip = pl.col("treatment").is_not_null(), pl.col("treatment").eq_missing("flip")
    return both.with_columns(
        pair_id=pl.coalesce("treated_id", "pair_id"),
        rule=pl.when(flip).then(pl.col("rule") + FLIPPED).otherwise("rule"),
        label_source=pl.when(flip).then(pl.lit(f"vote:{policy.hash[:8]}")).otherwise("label_source"),
        margin=pl.when(voted).then("new_margin").otherwise("margin"),
        soft_label=pl.coalesce("new_label", "soft_label"),
    ).select(TREATMENT)
