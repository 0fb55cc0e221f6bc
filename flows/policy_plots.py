"""Reward against the root of the KL over the rollouts of a run, with the law of Gao that fits."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import altair as alt
import numpy as np
import polars as pl

from flows.page import WIDTH, svg
from training.evaluate.alarms import LEAST, History, by_rollout
from training.evaluate.overoptimization import Fitted, fitted

HEIGHT = 190
"""Of a panel, in pixels."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """One source of reward along a run: its points from the start on, and the law where they are enough."""

    name: str
    points: Sequence[Mapping[str, float]]
    """`step`, `distance` in sqrt(nats), `value`"""
    law: Fitted | None
    """Of the value less that of the first rollout, which the start answered"""

    @property
    def reached(self) -> float:
        """The largest distance."""
        return max(point["distance"] for point in self.points)


def ways(history: History, names: Mapping[str, str]) -> list[Way]:
    """The way of every column of `names` (column: name) that the run has; none without a KL."""
    found: list[Way] = []
    for column, name in names.items():
        points = [
            # k3 is never negative, and its mean varies least of the three.
            {"step": step["step"], "distance": math.sqrt(max(step["kl_k3"], 0.0)), "value": step[column]}
            for step in by_rollout(history)
            if "kl_k3" in step and column in step and math.isfinite(step["kl_k3"] + step[column])
        ]
        if points:
            found.append(Way(name=name, points=points, law=_law(points)))
    return found


def way_plot(found: Sequence[Way]) -> str:
    """A panel for each source, coloured by the step, with its law as a dashed line; empty without a way."""
    return svg(alt.vconcat(*map(_panel, found)).resolve_scale(color="shared")) if found else ""


def _law(points: Sequence[Mapping[str, float]]) -> Fitted | None:
    distances = np.array([point["distance"] for point in points])
    if len(points) < LEAST or len(np.unique(distances[distances > 0])) < LEAST:
        return None
    return fitted("rl", distances, [point["value"] - points[0]["value"] for point in points])


def _panel(way: Way) -> Any:
    x = alt.X("distance:Q", title="sqrt(KL) from the start, sqrt(nats)")
    y = alt.Y("value:Q", title=None, scale=alt.Scale(zero=False))
    base = alt.Chart(pl.DataFrame(way.points)).encode(x=x, y=y)
    colour = alt.Color("step:Q", scale=alt.Scale(scheme="viridis"), legend=alt.Legend(title="step"))
    layers: list[Any] = [base.mark_point(filled=True, size=35, opacity=1).encode(color=colour)]
    if way.law:
        grid = np.linspace(0, way.reached, 100)
        start = way.points[0]["value"]
        line = pl.DataFrame({"distance": grid, "value": [start + way.law.at(float(d)) for d in grid]})
        layers.append(alt.Chart(line).mark_line(strokeDash=[4, 3], strokeWidth=1.5, color="#444").encode(x=x, y=y))
    title = alt.TitleParams(way.name, anchor="start", fontSize=11)
    return alt.layer(*layers).properties(width=WIDTH, height=HEIGHT, title=title)
