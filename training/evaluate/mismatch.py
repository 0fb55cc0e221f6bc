"""Do figures of checkpoints move together? Objective mismatch, arXiv:2311.00168.

A checkpoint is a row, in the order of training. Fewer than eight make a rank correlation noise, which its interval
shows; models of several sizes belong in files of their own, or size alone makes figures agree.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from schemas.errors import ConfigError, InputError, nearest
from training.evaluate.intervals import Interval, correlation_interval, ranks

LEAST = 3
"""Checkpoints that have a trend."""

Metrics = Mapping[str, Sequence[float]]
"""Figures by name, each with a value for every checkpoint: NaN where it was not measured."""


def checkpoint_report(metrics: Metrics, proxy: str, gold: str) -> dict[str, Interval]:
    """Spearman's correlation of every two figures, and whether `proxy` rose while `gold` fell at the end."""
    for name in (proxy, gold):
        if name not in metrics:
            raise ConfigError(f"No checkpoint has a figure {name!r}.{nearest(name, list(metrics))}")
    figures = {
        f"rank correlation of {a} and {b}": spearman(metrics[a], metrics[b]) for a, b in combinations(metrics, 2)
    }
    trends = [trend(last_third(metrics[name])) for name in (proxy, gold)]
    for name, slope in zip((proxy, gold), trends, strict=True):
        figures[f"slope of {name} in the last third"] = _plain(slope, len(last_third(metrics[name])))
    figures["mismatch"] = _plain(float(mismatch(*trends)), len(metrics[proxy]))
    return figures


def spearman(first: ArrayLike, second: ArrayLike) -> Interval:
    """Rank correlation with an interval over checkpoints; NaN when a figure is constant."""
    both = np.array([first, second], dtype=np.float64)
    x, y = both[:, ~np.isnan(both).any(axis=0)]
    return correlation_interval(ranks(x), ranks(y), np.arange(len(x)).astype(np.str_))


def last_third(values: Sequence[float]) -> NDArray[np.float64]:
    """The last third of the checkpoints, LEAST of them at least."""
    return np.asarray(values, dtype=np.float64)[-max(LEAST, -(-len(values) // 3)) :]


def trend(values: NDArray[np.float64]) -> float:
    """Change from one checkpoint to the next, by least squares; NaN below LEAST checkpoints."""
    places = np.flatnonzero(~np.isnan(values))
    if len(places) < LEAST:
        return float("nan")
    centred = places - places.mean()
    return float(centred @ values[places] / (centred @ centred))


def mismatch(proxy: float, gold: float) -> bool:
    """Whether what is optimised rises while what is wanted falls."""
    return proxy > 0 > gold


def metrics_of(records: Sequence[Mapping[str, Any]]) -> dict[str, list[float]]:
    """The columns that hold numbers, or nothing. Raises InputError when there are not two."""
    names = {name: None for record in records for name in record}
    columns = {name: [_number(record.get(name)) for record in records] for name in names}
    figures = {name: [cell for cell in cells if cell is not None] for name, cells in columns.items()}
    whole = {name: cells for name, cells in figures.items() if len(cells) == len(records)}
    if len(whole) < 2:
        raise InputError("Fewer than two columns hold numbers; write one row a checkpoint, one column a figure.")
    return whole


def _number(cell: Any) -> float | None:
    """A cell's number, NaN where it is empty; None for what is no number."""
    if cell is None or cell == "":
        return float("nan")
    try:
        return None if isinstance(cell, bool) else float(cell)
    except (TypeError, ValueError):
        return None


def _plain(value: float, n: int) -> Interval:
    return Interval(value, float("nan"), float("nan"), n)
