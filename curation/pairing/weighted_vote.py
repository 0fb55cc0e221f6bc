"""Votes weighed by how often their annotator agrees with the majority: Wawa, by crowd-kit."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from curation.labels.crowd import Sheet
from curation.labels.evidence import Evidence
from curation.pairing import ByCrowd


class WeightedVote(ByCrowd):
    """The side with most weight of votes; ties have weight of their own.

    margin: the winner's share of the weight less the loser's, 0 to 1. These shares are no probabilities of being right,
    which is why the margin is no logarithm of odds.
    """

    name = "weighted_vote"

    least_probability: float = Field(default=0.0, ge=0, le=1)
    """A winner with a smaller share of the weight is unsure."""

    def margin(self, better: float, worse: float) -> float:
        return better - worse

    def sheet(self, evidence: Iterable[Evidence]) -> Sheet:
        return Sheet.of(evidence, heed_order=False, heed_ties=self.heed_ties)

    def posteriors(self, sheet: Sheet) -> NDArray[np.float64]:
        from crowdkit.aggregation import Wawa

        return sheet.posteriors(Wawa().fit_predict_proba(sheet.frame()))
