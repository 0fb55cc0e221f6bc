"""Clip for rewards of reasoning steps, arXiv:2410.15115: a step can cost, and none can earn."""

from __future__ import annotations

from typing import ClassVar

from training.shaping import Given, Shaped, State, Transform


class StepClip(Transform):
    """min(reward - threshold, 0) of every step, so that one more step never raises the total.

    With `delta`, this comes first.
    """

    name: ClassVar[str] = "step_clip"

    threshold: float
    """What a sound step is worth: the median reward of correct steps on validation data is a good choice."""

    def shaped(self, given: Given, state: State) -> Shaped:
        """[B, S] from [B, S]."""
        return Shaped((given.rewards - self.threshold).clamp(max=0), state)
