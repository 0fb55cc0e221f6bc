"""PAR, arXiv:2502.18770: the chance to beat a reference response as the reward; bounded, centred, quick to rise."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from training.shaping import Given, Shaped, State, Transform


class PAR(Transform):
    """Mean over the references of s(slope * (reward - reference)), in 0..1.

    A reward more than 8 / slope away from every reference has no gradient left: look at the reward model's scale.
    """

    name: ClassVar[str] = "par"
    reads_references: ClassVar[bool] = True

    slope: float = Field(default=1.0, gt=0)
    """Of the sigmoid; 1 reads differences of rewards as Bradley-Terry does."""

    def shaped(self, given: Given, state: State) -> Shaped:
        """[B] from rewards [B]."""
        return Shaped((self.slope * (given.rewards[:, None] - given.references)).sigmoid().mean(1), state)
