"""Rewards that are ratings: the first stage of HelpSteer2-Preference, arXiv:2410.01257.

A model that learned ratings is a good start for `bradley_terry` with `scaled`: trunk and head go on from there.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import pyarrow as pa
import torch
from torch import Tensor

from schemas.errors import InputError
from training.batches import PairBatch, PairExamples
from training.objectives import Step
from training.objectives.reward import Reward
from training.prepare import PreparedPairs
from training.ratings import MEAN, rating_of, ratings_by
from training.score import Scored


@dataclass(frozen=True, kw_only=True)
class RatedBatch(PairBatch):
    """B pairs with what each side was rated."""

    rating: Tensor
    """[2B] float32, all chosen first; NaN where a response was not rated"""


class RatedPairs:
    """Pairs with what each side was rated, [2P], all chosen first. A step's mean is over its pairs."""

    def __init__(self, pairs: PairExamples, rating: Tensor) -> None:
        self.pairs, self.rating = pairs, rating
        self.lengths, self.tokens, self.units = pairs.lengths, pairs.tokens, pairs.units

    def __len__(self) -> int:
        return len(self.pairs)

    def batch(self, rows: Tensor) -> RatedBatch:
        """The batch of the given pairs."""
        return RatedBatch(**vars(self.pairs.batch(rows)), rating=self.rating[torch.cat([rows, rows + len(self)])])


class Regression(Reward):
    """Squared distance of rewards to ratings; where a pair has none, of the reward difference to its margin.

    The margins of the pair builders that read ratings are differences of ratings. Where all that is known are margins,
    rewards have their unit, but no zero.
    """

    name: ClassVar[str] = "regression"

    ratings: Path | None = None
    """Folder of the version in UltraFeedback's format. Without it only the pairs' margins are learned."""
    attribute: str = MEAN
    """The rating to learn: an aspect, `overall`, or `mean` over the aspects."""

    def examples(self, part: PreparedPairs) -> RatedPairs:
        """The pairs with their ratings. Raises InputError where a pair has neither ratings nor a margin."""
        rating = self._ratings_of(part.rows)
        chosen, rejected = rating.isnan().chunk(2)
        known = torch.from_numpy(part.rows.column("margin").is_valid().to_numpy())
        if lost := int((chosen & rejected & ~known).sum()):
            raise InputError(
                f"regression has nothing to learn from {lost} of {len(known)} pairs: they have no margin, and no "
                f"rating `{self.attribute}`; name a folder in `ratings`, or build pairs with margins."
            )
        return RatedPairs(part.examples, rating)

    def _ratings_of(self, rows: pa.Table) -> Tensor:
        """[2P] float32, all chosen first."""
        if self.ratings is None:
            return torch.full((2 * rows.num_rows,), torch.nan)
        known = ratings_by(self.ratings, "train", self.attribute)
        sides = (("prompt", "chosen"), ("rejected_prompt", "rejected"))
        texts = [zip(rows.column(a).to_pylist(), rows.column(b).to_pylist(), strict=True) for a, b in sides]
        return torch.tensor([rating_of(known, prompt, response) for side in texts for prompt, response in side])

    def loss_of(self, scores: Scored, batch: RatedBatch) -> Step:
        """Mean of weight * ((r_c - y_c)^2 + (r_r - y_r)^2), or weight * (r_c - r_r - m)^2 where both y are unknown."""
        rewards = scores.rewards[:, 0]
        rated = batch.rating.isfinite()
        # A NaN must not enter the graph: where() would still give it a gradient.
        errors = (rewards - batch.rating.nan_to_num()).where(rated, 0.0).square()
        chosen, rejected = rewards.chunk(2)
        differences = chosen - rejected
        either = torch.stack(rated.chunk(2)).any(0)
        loss = torch.stack(errors.chunk(2)).sum(0).where(either, (differences - batch.margin).square())
        metrics = {
            "accuracy": (differences.detach() > 0).float().mean(),
            "margin": differences.detach().mean(),
            "reward": rewards.detach().mean(),
            "rated": rated.float().mean(),
        }
        return Step((batch.weight * loss).mean(), metrics)
