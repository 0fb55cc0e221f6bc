"""Measurements, as they are kept."""

from __future__ import annotations

from dataclasses import dataclass
from math import isnan

from training.evaluate.intervals import Interval


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One measurement: a row of `evaluations`. Without an interval `low` and `high` are None."""

    subject: str
    metric: str
    data: str
    value: float
    low: float | None
    high: float | None
    n: int

    @classmethod
    def of(cls, subject: str, metric: str, data: str, found: Interval) -> Figure:
        low, high = (None if isnan(end) else end for end in (found.low, found.high))
        return cls(subject=subject, metric=metric, data=data, value=found.value, low=low, high=high, n=found.n)
