"""Annotators with a confusion matrix each: Dawid and Skene 1979, by crowd-kit's EM."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from curation.labels.crowd import Sheet
from curation.pairing import ByCrowd


class DawidSkene(ByCrowd):
    """How often each annotator gives each verdict, where each side is better, is learned from all prompts together.

    The order shown is part of what is learned: a verdict for the place that an annotator likes anyway weighs less.
    The posterior trusts votes to be independent; where all annotators fail on the same couples it is too sure.
    """

    name = "dawid_skene"

    max_rounds: int = Field(default=50, ge=1)
    """Rounds of EM; it ends earlier when a vote's likelihood gains less than 1e-5. A million votes take 2 s a round."""

    def posteriors(self, sheet: Sheet) -> NDArray[np.float64]:
        from crowdkit.aggregation import DawidSkene as Fit

        fitted = Fit(n_iter=self.max_rounds).fit(sheet.frame())
        assert fitted.probas_ is not None
        return sheet.posteriors(fitted.probas_)
