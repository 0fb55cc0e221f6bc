"""Judges as voters: the logit of the probability that the chosen side wins, averaged over both orders."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa

from curation.labels.evidence import Ballot
from curation.pairing.order_averaged import believed, counted, mean
from curation.voting.strength import Rewards

CERTAIN = 1e-6
"""No probability is taken for nearer to 0 or 1."""


def judge_rewards(
    pair_ids: Sequence[str], votes: pa.Table, judges: Sequence[str], *, log_odds: bool = False
) -> Rewards:
    """Logarithms of the probabilities that each side wins, by rows of the query `pair_votes`; a tie is half a win.

    With `log_odds` a vote's strength is the judge's own log odds; votes without one are left out. Otherwise they are
    counted, (wins + 1/2) / (votes + 1) in each order.
    """
    heard: dict[tuple[str, str], list[Ballot]] = {}
    chosen: dict[str, str] = {}
    for row in votes.to_pylist():
        if row["strength"] is not None or not log_odds:
            heard.setdefault((row["annotator"], row["pair_id"]), []).append(Ballot.of(row))
            chosen[row["pair_id"]] = row["chosen_id"]
    won = np.full((len(judges), len(pair_ids)), np.nan)
    for number, judge in enumerate(judges):
        for place, pair_id in enumerate(pair_ids):
            if ballots := heard.get((judge, pair_id)):
                won[number, place] = wins(ballots, chosen[pair_id], log_odds=log_odds)
    return Rewards(voters=tuple(judges), chosen=np.log(won), rejected=np.log1p(-won))


def wins(ballots: Sequence[Ballot], response_id: str, *, log_odds: bool) -> float:
    """Probability that a response wins, each order counting half."""
    orders: Mapping[str | None, list[Ballot]] = {one.shown_first: [] for one in ballots}
    for one in ballots:
        orders[one.shown_first].append(one)
    likely = mean([believed(order) if log_odds else counted(order) for order in orders.values()])
    share = (likely.a if ballots[0].a == response_id else likely.b) + likely.tie / 2
    return min(max(share, CERTAIN), 1 - CERTAIN)
