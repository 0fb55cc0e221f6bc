"""Rewards with mean 0 and standard deviation 1, both running."""

from __future__ import annotations

from typing import ClassVar

from training.shaping import Given, Shaped, State, Transform
from training.shaping.moments import Moments


class Standardise(Transform):
    """(reward - mean) / std of all rewards so far, this batch among them."""

    name: ClassVar[str] = "standardise"

    def start(self) -> State:
        """Nothing seen."""
        return Moments().state

    def shaped(self, given: Given, state: State) -> Shaped:
        """As many rewards as given."""
        seen = Moments(**state).then(given.rewards)
        return Shaped(((given.rewards.double() - seen.mean) / seen.std).float(), seen.state)
