from __future__ import annotations

import torch
from torch import Tensor

from training.objectives.policy import RolloutBatch, Rollouts

NONE = torch.zeros(0)


def rollouts(
    rewards: list[float],
    lengths: list[int] | None = None,
    *,
    samples: int | None = None,
    divergence: Tensor | None = None,
    greedy: list[float] | None = None,
    values: Tensor | None = None,
    parts: list[list[float]] | None = None,
    weights: list[float] | None = None,
) -> Rollouts:
    """Responses of so many tokens; one group unless `samples` says otherwise. `parts` stand in the place of rewards."""
    if parts is not None:
        weights = weights or [1.0] * len(parts)
        rewards = (torch.tensor(weights) @ torch.tensor(parts)).tolist()
    sizes = torch.tensor(lengths or [2] * len(rewards))
    mask = torch.arange(int(sizes.max())) < sizes[:, None]
    nothing = torch.zeros(mask.shape)
    return Rollouts(
        torch.tensor(rewards),
        mask,
        nothing if divergence is None else divergence.where(mask, 0),
        samples or len(rewards),
        torch.tensor(greedy or []),
        nothing if values is None else values.where(mask, 0),
        torch.tensor(parts or [rewards]),
        torch.tensor(weights or [1.0]),
    )


def batch_of(advantage: Tensor, mask: Tensor | None = None, **parts: Tensor) -> RolloutBatch:
    """A batch with these advantages [N, C]; the policy that sampled is the one that learns unless `old` is given."""
    everywhere = torch.ones(advantage.shape, dtype=torch.bool) if mask is None else mask
    nothing = torch.zeros(advantage.shape)
    known = {"old": nothing[:, :0], "reference": nothing, "returns": nothing, "values": nothing}
    known |= {"learn": torch.ones(len(advantage)), "completion_mask": everywhere, "advantage": advantage}
    return RolloutBatch(**dict.fromkeys(RolloutBatch.__dataclass_fields__, NONE) | known | parts)
