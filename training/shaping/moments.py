"""Running mean and standard deviation, by Welford's update for whole batches."""

from __future__ import annotations

import math
from typing import NamedTuple

from torch import Tensor

from training.shaping import State


class Moments(NamedTuple):
    """Of all rewards so far. float64: sums of squares in float32 drift over a long run."""

    n: float = 0.0
    mean: float = 0.0
    squares: float = 0.0
    """sum of squared distances from the mean"""

    def then(self, rewards: Tensor) -> Moments:
        """With the rewards of one more batch."""
        seen = rewards.detach().double()
        mean = seen.mean().item()
        n, apart = self.n + seen.numel(), mean - self.mean
        squares = self.squares + (seen - mean).square().sum().item() + apart**2 * self.n * seen.numel() / n
        return Moments(n, self.mean + apart * seen.numel() / n, squares)

    @property
    def std(self) -> float:
        """Of the population; 1 where all rewards were equal, so that dividing by it gives 0."""
        return math.sqrt(self.squares / self.n) or 1.0

    @property
    def unbiased_std(self) -> float:
        """By n - 1; 1 where all rewards were equal, or there was one."""
        return math.sqrt(self.squares / max(1.0, self.n - 1)) or 1.0

    @property
    def state(self) -> State:
        """As plain numbers: `Moments(**state)` has it back."""
        return self._asdict()
