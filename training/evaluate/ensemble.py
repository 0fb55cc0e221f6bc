"""Several reward models as one, pessimistic where they disagree: arXiv:2310.02743."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import Field

from schemas.base import Strict
from schemas.errors import InputError
from training.evaluate.rewards import Item, rewards_of
from training.score import Progress, unseen
from training.settings import Precision


class Member(Strict):
    """A reward model with the mean and spread of its rewards on reference responses: members must share a scale."""

    model: str
    """A model folder, or a name on the hub."""
    mean: float = 0.0
    std: float = Field(default=1.0, gt=0)


class Ensemble(Strict):
    """Reward models whose rewards, each standardised, become one."""

    members: tuple[Member, ...] = Field(min_length=1)
    how: Literal["mean", "wco", "uwo"] = "uwo"
    """The mean; the worst case, which is the least; or the mean less `strength` times the members' variance."""
    strength: float = Field(default=0.5, ge=0)
    """Of UWO's pessimism; 0 is the mean."""

    def combined(self, rewards: ArrayLike) -> NDArray[np.floating[Any]]:
        """[N] one reward of M standardised ones [M, N]. The variance is that of the members, not of a larger set."""
        each = np.asarray(rewards, dtype=np.float64)
        if self.how == "wco":
            return each.min(axis=0)
        doubt = self.strength if self.how == "uwo" else 0.0
        return each.mean(axis=0) - doubt * each.var(axis=0)

    def apart(
        self,
        items: Sequence[Item],
        *,
        max_length: int | None = None,
        precision: Precision = "no",
        progress: Progress = unseen,
    ) -> NDArray[np.floating[Any]]:
        """[M, N] every member's standardised rewards of (prompt, response) items, NaN above `max_length` tokens.

        One member is in memory at a time.
        """
        how: dict[str, Any] = {"max_length": max_length, "precision": precision, "progress": progress}
        each = [(rewards_of(one.model, items, **how) - one.mean) / one.std for one in self.members]
        return np.stack(each).astype(np.float64)

    def rewards_of(
        self,
        items: Sequence[Item],
        *,
        max_length: int | None = None,
        precision: Precision = "no",
        progress: Progress = unseen,
    ) -> NDArray[np.floating[Any]]:
        """[N] the ensemble's rewards of (prompt, response) items, NaN above `max_length` tokens."""
        return self.combined(self.apart(items, max_length=max_length, precision=precision, progress=progress))


def ensemble_of(models: Sequence[Path | str], reference: Sequence[Item], **settings: Any) -> Ensemble:
    """An ensemble standardised on `reference`: responses of the policy as it starts, to 512 prompts or more."""
    return Ensemble(members=tuple(_member(str(model), reference) for model in models), **settings)


def _member(model: str, reference: Sequence[Item]) -> Member:
    found = rewards_of(model, reference).astype(np.float64)
    if not len(found) or not (std := float(found.std())):
        raise InputError(f"{model} gives all {len(found)} reference responses one reward; name more, or another model.")
    return Member(model=model, mean=float(found.mean()), std=std)
