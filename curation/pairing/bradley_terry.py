"""Responses on a scale on which differences are log odds of winning: Bradley and Terry 1952, by choix's I-LSR."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from curation.pairing import ByScale

MAX_ROUNDS = 10_000
"""Each round is a linear system of the prompt's responses; two or three do unless a scale is very long."""


class BradleyTerry(ByScale):
    """All comparisons of a prompt together decide each of its couples; half a win each way keeps strengths finite."""

    name = "bradley_terry"

    def strengths(self, won: NDArray[np.float64]) -> NDArray[np.float64]:
        from choix import ilsr_pairwise_dense

        return ilsr_pairwise_dense(won, max_iter=MAX_ROUNDS)
