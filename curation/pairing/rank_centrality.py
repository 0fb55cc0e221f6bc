"""Responses by how often a walk from losers to winners comes by: Rank Centrality (arXiv 1209.1688), by choix."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from curation.pairing import ByScale


class RankCentrality(ByScale):
    """Like `bradley_terry`, but every couple counts the same, however many votes it has.

    Strengths are the mean of a walk to winners and, reversed, of a walk to losers: flipped votes flip every strength.
    """

    name = "rank_centrality"

    def strengths(self, won: NDArray[np.float64]) -> NDArray[np.float64]:
        return (_walk(won) - _walk(won.T)) / 2


def _walk(won: NDArray[np.float64]) -> NDArray[np.float64]:
    from choix import rank_centrality

    duels = [
        (winner, loser)
        for winner, row in enumerate(won.tolist())
        for loser, count in enumerate(row)
        for _ in range(round(2 * count))  # halves
    ]
    return rank_centrality(len(won), duels)
