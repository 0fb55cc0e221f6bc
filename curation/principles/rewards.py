"""One reward from several principles (arXiv 2509.21319)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def combined(
    r: NDArray[np.floating], reference: NDArray[np.floating], weights: Sequence[float] | None = None
) -> NDArray[np.float64]:
    """The weighted mean of z-scores over the principles, for each response.

    r: [n, k], the log-odds of yes of n responses under k principles, NaN where the judge failed. reference: [m, k], the
    same for a reference set, whose mean and standard deviation (ddof 0) make the z-scores: principles differ in how
    readily a judge says yes, so their log-odds are not on one scale. weights: [k], above 0; equal when absent. Returns
    [n]; NaN where any r is, for a mean over other principles is another quantity.

    Raises ValueError when the shapes differ, a weight is not above 0, or a principle does not vary on the reference.
    """
    scores, known = np.asarray(r, np.float64), np.asarray(reference, np.float64)
    share = np.ones(scores.shape[1]) if weights is None else np.asarray(weights, np.float64)
    if known.ndim != 2 or not scores.shape[1] == known.shape[1] == len(share):
        raise ValueError("r, the reference and the weights speak of different numbers of principles")
    if not (np.isfinite(share) & (share > 0)).all():
        raise ValueError("every weight is a number above 0")
    counted = np.isfinite(known)
    n = counted.sum(axis=0)
    if (n < 2).any():
        raise ValueError("the reference needs two responses with a score for every principle")
    mean = np.where(counted, known, 0.0).sum(axis=0) / n
    spread = np.sqrt((np.where(counted, known - mean, 0.0) ** 2).sum(axis=0) / n)
    if not spread.all():
        raise ValueError("a principle has the same score everywhere in the reference; it cannot be standardised")
    return ((scores - mean) / spread) @ (share / share.sum())
