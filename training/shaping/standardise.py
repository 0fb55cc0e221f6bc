"""Rewards with mean 0 and standard deviation 1, both running; clipped, they are those of PPO-max, arXiv:2307.04964."""

from __future__ import annotations

import math
from typing import ClassVar

from pydantic import Field

from training.shaping import Given, Shaped, State, Transform
from training.shaping.moments import Moments


class Standardise(Transform):
    """(reward - mean) / std of all rewards so far, this batch among them."""

    name: ClassVar[str] = "standardise"

    most: float | None = Field(default=None, gt=0)
    """Clip to it on both sides; PPO-max tries 0.3 and prefers 0.8."""
    unbiased: bool = False
    """Divide by n - 1 in the variance, as PPO-max's code does."""

    def start(self) -> State:
        """Nothing seen."""
        return Moments().state

    def shaped(self, given: Given, state: State) -> Shaped:
        """As many rewards as given."""
        seen = Moments(**state).then(given.rewards)
        found = (given.rewards.double() - seen.mean) / (seen.unbiased_std if self.unbiased else seen.std)
        return Shaped(found.clamp(*self._bounds).float(), seen.state)

    @property
    def _bounds(self) -> tuple[float, float]:
        most = math.inf if self.most is None else self.most
        return -most, most
