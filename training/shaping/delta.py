"""Delta for rewards of reasoning steps, arXiv:2410.15115: what a step is worth beyond the next one."""

from __future__ import annotations

from typing import ClassVar

import torch

from training.shaping import Given, Shaped, State, Transform


class Delta(Transform):
    """Reward of a step less that of the step after it. From any step on they add up to that step's own reward:
    good steps said again earn nothing.
    """

    name: ClassVar[str] = "delta"

    keep_last: bool = True
    """Whether the last step keeps its reward; else it has 0, and the sum is less by the last step's reward."""

    def shaped(self, given: Given, state: State) -> Shaped:
        """[B, S] from [B, S]."""
        steps = given.rewards
        following = torch.cat([steps[:, 1:], torch.full_like(steps[:, :1], torch.nan)], 1)
        after_last = torch.zeros_like(steps) if self.keep_last else steps
        return Shaped(steps - following.where(~following.isnan(), after_last), state)
