"""Rewards between the least and the greatest so far."""

from __future__ import annotations

import math
from typing import ClassVar

from training.shaping import Given, Shaped, State, Transform


class MinMax(Transform):
    """(reward - least) / (greatest - least) of all rewards so far, this batch among them; 0 if all are equal."""

    name: ClassVar[str] = "min_max"

    def start(self) -> State:
        """Nothing seen."""
        return {"least": math.inf, "greatest": -math.inf}

    def shaped(self, given: Given, state: State) -> Shaped:
        """As many rewards as given."""
        low, high = given.rewards.min().item(), given.rewards.max().item()
        least, greatest = min(state["least"], low), max(state["greatest"], high)
        shaped = (given.rewards.double() - least) / ((greatest - least) or 1.0)
        return Shaped(shaped.float(), {"least": least, "greatest": greatest})
