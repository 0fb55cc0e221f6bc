"""Rewards held within a standard deviation of their running mean: a baseline of arXiv:2502.18770."""

from __future__ import annotations

from typing import ClassVar

from training.shaping import Given, Shaped, State, Transform
from training.shaping.moments import Moments


class Clip(Transform):
    """The reward, at least mean - std and at most mean + std of all rewards so far, this batch among them."""

    name: ClassVar[str] = "clip"
    keeps_scale: ClassVar[bool] = True

    def start(self) -> State:
        """Nothing seen."""
        return Moments().state

    def shaped(self, given: Given, state: State) -> Shaped:
        """As many rewards as given."""
        seen = Moments(**state).then(given.rewards)
        return Shaped(given.rewards.clamp(seen.mean - seen.std, seen.mean + seen.std), seen.state)
