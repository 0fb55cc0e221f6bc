"""Has a judge changed? A figure of one run against the same figure of earlier runs, in standard errors."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

LEAST_PROMPTS = 20
"""Prompts that each side needs: the spread over fewer says little."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sums:
    """Sums over prompts of a figure that is hits / n.

    prompts: how many. hits, n: their sums. squares: of the squared single values (equal to `hits` where they are 0 or
    1). hits_hits, hits_n, n_n: of the products of a prompt's hits and n.
    """

    prompts: int
    hits: float
    n: float
    squares: float
    hits_hits: float
    hits_n: float
    n_n: float

    @property
    def rate(self) -> float:
        """The figure."""
        return self.hits / self.n

    @property
    def deviation(self) -> float:
        """Standard deviation of the single values."""
        return sqrt(max(0.0, self.squares / self.n - self.rate**2))

    @property
    def variance(self) -> float:
        """Of the rate, linearised, with prompts as the independent draws (Cochran 1977, eq. 6.10)."""
        residual = self.hits_hits - 2 * self.rate * self.hits_n + self.rate**2 * self.n_n
        return max(0.0, residual) / self.n**2 * self.prompts / (self.prompts - 1)


def z_of(now: Sums, before: Sums, *, is_share: bool) -> float | None:
    """How many standard errors the rate has moved; None with too few prompts on a side, or without any spread.

    The variance of a share is at least that of the two-proportion z-test: a few alike prompts do not make it certain.
    """
    if min(now.prompts, before.prompts) < LEAST_PROMPTS:
        return None
    pooled = (now.hits + before.hits) / (now.n + before.n)
    least = pooled * (1 - pooled) if is_share else 0.0
    spread = sqrt(sum(max(side.variance, least / side.n) for side in (now, before)))
    return (now.rate - before.rate) / spread if spread else None
