"""Rewards beyond those of the starting policy on the same prompt: a baseline of arXiv:2502.18770 and 2402.00742."""

from __future__ import annotations

from typing import ClassVar

from training.shaping import Given, Shaped, State, Transform


class Centre(Transform):
    """The reward less the mean of the references: 0 is as good as the starting policy, whatever the prompt."""

    name: ClassVar[str] = "centre"
    reads_references: ClassVar[bool] = True

    def shaped(self, given: Given, state: State) -> Shaped:
        """[B] from rewards [B], or [B, A] of A attributes."""
        return Shaped(given.rewards - given.references.mean(1), state)
