"""Muon (Keller Jordan, 2024): momentum whose matrix updates are made orthogonal. Learns in about half the steps."""

from collections import defaultdict
from collections.abc import Iterable

import torch
from torch import Tensor
from torch.optim import Optimizer

_A, _B, _C = 3.4445, -4.7750, 2.0315


def orthogonal(matrices: Tensor, rounds: int = 5) -> Tensor:
    """The nearest semi-orthogonal matrices, roughly, by Newton-Schulz; shape [many, rows, columns] in and out."""
    flip = matrices.shape[-2] > matrices.shape[-1]
    x = matrices.mT if flip else matrices
    x = x / (x.norm(dim=(-2, -1), keepdim=True) + 1e-7)
    for _ in range(rounds):
        gram = x @ x.mT
        x = _A * x + (_B * gram + _C * gram @ gram) @ x
    return x.mT if flip else x


class Muon(Optimizer):
    """For the matrices inside the blocks. Matrices of one shape are updated together, which is what makes it cheap."""

    def __init__(self, params: Iterable[Tensor], lr: float, momentum: float = 0.95) -> None:
        super().__init__(params, {"lr": lr, "momentum": momentum})

    @torch.no_grad()
    def step(self) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]  # the loop has no closure
        for group in self.param_groups:
            shapes: defaultdict[torch.Size, list[Tensor]] = defaultdict(list)
            for weight in group["params"]:
                if weight.grad is not None:
                    shapes[weight.shape].append(weight)
            for (rows, columns), weights in shapes.items():
                updates = orthogonal(torch.stack([self._momentum(weight, group["momentum"]) for weight in weights]))
                scale = max(1.0, rows / columns) ** 0.5
                for weight, update in zip(weights, updates, strict=True):
                    weight.add_(update, alpha=-group["lr"] * scale)

    def _momentum(self, weight: Tensor, share: float) -> Tensor:
        """Nesterov momentum of the gradient."""
        held = self.state[weight].setdefault("momentum", torch.zeros_like(weight))
        slope = torch.zeros_like(weight) if weight.grad is None else weight.grad
        held.lerp_(slope, 1 - share)
        return slope.lerp(held, share)
