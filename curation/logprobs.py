"""Log-probabilities as engines store them with a call."""

from __future__ import annotations

from collections.abc import Iterable
from math import inf

import numpy as np


def spelled(alternatives: Iterable[tuple[str, float]]) -> dict[str, float]:
    """Log-probability of each text at one place of a reply; tokens that read the same count together."""
    found: dict[str, float] = {}
    for text, logprob in alternatives:
        found[text] = float(np.logaddexp(found.get(text, -inf), logprob))
    return {text: round(logprob, 4) for text, logprob in found.items()}
