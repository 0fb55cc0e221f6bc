"""A cap on rewards: what lies beyond the reward model's experience earns nothing more."""

from __future__ import annotations

from typing import ClassVar

from training.shaping import Given, Shaped, State, Transform


class Ceiling(Transform):
    """The reward, at most `cap`."""

    name: ClassVar[str] = "ceiling"
    keeps_scale: ClassVar[bool] = True

    cap: float
    """In the units of the rewards at this place of the chain."""

    def shaped(self, given: Given, state: State) -> Shaped:
        """As many rewards as given."""
        return Shaped(given.rewards.clamp(max=self.cap), state)
