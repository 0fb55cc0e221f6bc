"""A price for long responses, as the code of arXiv:2502.18770 has it."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from training.shaping import Given, Shaped, State, Transform


class Length(Transform):
    """The reward less `price` for every token beyond `free`."""

    name: ClassVar[str] = "length"
    keeps_scale: ClassVar[bool] = True

    price: float = Field(default=0.01, ge=0)
    """Reward per token."""
    free: int = Field(default=300, ge=0)
    """Tokens without a price."""

    def shaped(self, given: Given, state: State) -> Shaped:
        """[B] from rewards [B]."""
        return Shaped(given.rewards - self.price * (given.tokens - self.free).clamp(min=0), state)
