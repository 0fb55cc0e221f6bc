"""Log-sigmoid against a high quantile of reference rewards, arXiv:2402.00742: a sum of them is a logical AND."""

from __future__ import annotations

from statistics import NormalDist
from typing import ClassVar

from pydantic import Field
from torch.nn.functional import logsigmoid

from training.shaping import Given, Shaped, State, Transform


class LogSigmoid(Transform):
    """log s(reward - quantile of the references): the log-probability of being good. At most 0, without a least.

    Attributes are added: the log-probability of being good in all, so that one terrible attribute outweighs the rest.
    """

    name: ClassVar[str] = "log_sigmoid"
    reads_references: ClassVar[bool] = True

    quantile: float = Field(default=0.85, gt=0, lt=1)
    """Of a normal distribution with the references' mean and standard deviation: what counts as good."""
    fewest: int = Field(default=4, ge=1)
    """References below which their mean counts as good: the deviation of a few says little."""

    def shaped(self, given: Given, state: State) -> Shaped:
        """[B] from rewards [B], or from A attributes [B, A]."""
        good = given.references.mean(1)
        if given.references.shape[1] >= self.fewest:
            good = good + NormalDist().inv_cdf(self.quantile) * given.references.std(1, correction=0)
        return Shaped(logsigmoid(given.rewards - good).reshape(len(good), -1).sum(1), state)
