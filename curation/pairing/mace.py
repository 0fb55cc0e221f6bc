"""Annotators who either know or guess: MACE, Hovy et al. 2013 (NAACL N13-1132), by crowd-kit's variational EM."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from curation.labels.crowd import Sheet
from curation.pairing import ByCrowd


class Mace(ByCrowd):
    """How often each annotator votes without looking, and for which place, is learned from all prompts together.

    A verdict that guessers rarely give counts as knowledge. Where ties are carelessness rather than judgment, they
    are rare enough to win: set `heed_ties: false` there.
    """

    name = "mace"

    rounds: int = Field(default=50, ge=1)
    """Rounds of EM, all of which are made. A million votes take 1.5 s a round."""

    def posteriors(self, sheet: Sheet) -> NDArray[np.float64]:
        from crowdkit.aggregation import MACE

        frame = sheet.frame()
        # crowd-kit 1.4 mixes up workers, and labels, whose numbers do not ascend in the order of their appearance.
        frame["worker"] = frame["worker"].factorize()[0]
        # It starts at numbers drawn from [1, 2 + noise]. Noise of -1 starts everyone alike: a random start would
        # decide what the votes leave open, and its restarts all begin with the same draw.
        fitted = MACE(n_restarts=1, n_iter=self.rounds, default_noise=-1.0).fit(frame)
        assert fitted.probas_ is not None
        return sheet.posteriors(fitted.probas_)
