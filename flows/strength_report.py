"""The part of a report about preference strength: figures, a histogram and twenty groups for each panel of voters."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import altair as alt
import polars as pl

from flows.page import svg
from schemas.pair_strength import TREATMENTS
from warehouse.lake import Lake
from warehouse.versions import find_version
from warehouse.views import create_views

VIEWS = (
    "judge_ratings", "members", "opinions", "ratings",
    "strength_checks", "strength_figures", "strength_groups", "pair_strength_histogram",
)  # fmt: skip
"""The views about strength, and those that they read."""
COLOURS = ["#bab0ac", "#e45756", "#f2cf5b", "#4c78a8", "#666666"]
"""Of TREATMENTS."""
MOST_CORRELATION = 0.5
"""Voters whose strength follows the difference in length more closely than this measure length."""


def figures_of(lake: Lake, panel: str, policy: str) -> dict[str, Any]:
    """The row of `strength_figures`."""
    create_views(lake.con, *VIEWS)
    return lake.ask("strength_figures_of", panel=panel, policy=policy).to_pylist()[0]


def measures_length(figures: dict[str, Any]) -> bool:
    """Whether the strength follows the difference in length."""
    return abs(figures["length_correlation"] or 0.0) > MOST_CORRELATION


def strength_parts(lake: Lake, labels: Sequence[str]) -> list[dict[str, Any]]:
    """For each panel and policy that voted on one of the versions or made it: figures, groups, and a plot."""
    versions = [find_version(lake, label) for label in labels]
    asked = [lake.ask("panels_of_version", dataset=one.dataset, version=one.version).to_pylist() for one in versions]
    found: list[dict[str, Any]] = []
    for names in {tuple(row.values()): row for rows in asked for row in rows}.values():
        figures = figures_of(lake, **names)
        bins = pl.DataFrame(lake.ask("strength_bins_of", **names))
        groups = lake.ask("strength_groups_of", **names).to_pylist()
        found.append({
            "figures": figures, "groups": groups, "plot": histogram(bins), "warning": measures_length(figures),
        })  # fmt: skip
    return found


def histogram(bins: pl.DataFrame) -> str:
    """Pairs by strength and treatment, with a dashed line at zero."""
    colour = alt.Color("treatment:N", title=None, scale=alt.Scale(domain=[*TREATMENTS], range=COLOURS))
    bars = (
        alt.Chart(bins)
        .mark_bar(binSpacing=0.5)
        .encode(
            x=alt.X("low:Q", title="strength (mu)", bin="binned", axis=alt.Axis(tickCount=10)),
            x2="high:Q",
            y=alt.Y("sum(n):Q", title="pairs", stack="zero"),
            color=colour,
        )
    )
    zero = alt.Chart(pl.DataFrame({"at": [0.0]})).mark_rule(strokeDash=[4, 3], color="#444").encode(x="at:Q")
    return svg((bars + zero).properties(height=180))
