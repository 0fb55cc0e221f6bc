"""Plots about judges, each an SVG text, or an empty text where there is nothing to show."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import altair as alt
import polars as pl

from flows.page import ROW, WIDTH, svg

COLOURS = ["#4c78a8", "#f58518", "#54a24b", "#b279a2"]
ALARM = 0.02
"""Share of failures that is marked (section 0.4 of the methods: failed and truncated replies of a template)."""
REASONS = ("unparsable", "truncated", "refused", "quarantined")
FEATURES = ("length", "list", "markdown", "code")
BESIDE = {" beside people": "the judge", " of people": "most people"}
"""Whose share a figure is, by the end of its name."""


def interval_plot(figures: pl.DataFrame, wanted: Sequence[str], rule: float | None = None) -> str:
    """Some figures of every judge with their intervals, and a dashed line at `rule`."""
    shown = figures.filter(pl.col("figure").is_in(list(wanted))).drop_nulls("value")
    if shown.is_empty():
        return ""
    bars = _intervals(shown, "figure", wanted)
    return svg(bars if rule is None else _line(rule) + bars, step=ROW / 1.6)


def style_plot(figures: pl.DataFrame) -> str:
    """How often the answer with more of a feature wins, for each judge beside most people."""
    shown = [
        row | {"feature": feature, "who": who}
        for row in figures.drop_nulls("value").to_dicts()
        for feature in FEATURES
        for suffix, who in BESIDE.items()
        if row["figure"] == feature + suffix
    ]
    if not shown:
        return ""
    bars = _intervals(pl.DataFrame(shown, infer_schema_length=None), "who", [*BESIDE.values()])
    header = alt.Header(title=None, labelOrient="top", labelAnchor="start", labelFontWeight="bold", labelPadding=4)
    panel = bars.properties(width=WIDTH, height=alt.Step(ROW / 1.6))
    return svg(panel.facet(row=alt.Row("feature:N", sort=[*FEATURES], header=header), spacing=12))


def failure_plot(templates: pl.DataFrame) -> str:
    """Share of the verdicts of every template that could not be read, by reason, with a dashed line at the alarm."""
    rows = [
        {"template": template_name(row), "reason": reason, "share": row[reason] / row["n"], "order": number}
        for row in templates.to_dicts()
        for number, reason in enumerate(REASONS)
    ]
    if not rows:
        return ""
    reach = max(1.5 * ALARM, 1.1 * float(templates["failure_share"].to_numpy().max()))
    bars = alt.Chart(pl.DataFrame(rows)).mark_bar()
    encoded = bars.encode(
        x=alt.X("share:Q", title=None, axis=alt.Axis(format=".1%", tickCount=8), scale=alt.Scale(domain=[0, reach])),
        y=_judges("template"),
        color=alt.Color("reason:N", title=None, scale=alt.Scale(domain=[*REASONS], range=COLOURS)),
        order="order:Q",
    )
    return svg(encoded + _line(ALARM), step=ROW)


def calibration_plot(bins: pl.DataFrame) -> str:
    """Agreement with most people in each tenth of a judge's opinions, from weak to strong."""
    if bins.is_empty():
        return ""
    tenth = "tenth of its comparisons, from the weakest to the strongest opinions"
    whole = alt.Scale(domain=[0, 1])
    lines = alt.Chart(bins.with_columns(tenth=(pl.col("bin") + 0.5) / 10)).encode(
        x=alt.X("tenth:Q", title=tenth, scale=whole, axis=alt.Axis(format="%", tickCount=10)),
        y=alt.Y("agree:Q", title="decides as most people do", scale=whole, axis=alt.Axis(format="%", tickCount=5)),
        color=alt.Color("judge:N", title=None),
    )
    points = lines.mark_point(filled=True, opacity=1).encode(size=alt.Size("n:Q", title="comparisons"))
    return svg((lines.mark_line() + points).properties(height=9 * ROW))


def probability_plot(bins: pl.DataFrame) -> str:
    """How often most people favour what a judge favours, by its probability, beside the line of what it promises."""
    if bins.is_empty():
        return ""
    scale = alt.Scale(domain=[0.5, 1])
    lines = alt.Chart(bins).encode(
        x=alt.X("confidence:Q", title="its probability", scale=scale, axis=alt.Axis(format="%", tickCount=5)),
        y=alt.Y("agree:Q", title="most people agree", scale=alt.Scale(domain=[0, 1]), axis=alt.Axis(format="%")),
        color=alt.Color("judge:N", title=None),
    )
    points = lines.mark_point(filled=True, opacity=1).encode(size=alt.Size("n:Q", title="comparisons"))
    promise = alt.Chart(pl.DataFrame({"x": [0.5, 1.0], "y": [0.5, 1.0]})).mark_line(strokeDash=[4, 3], color="#888")
    drawn = promise.encode(x="x:Q", y="y:Q") + lines.mark_line() + points
    return svg(drawn.properties(height=9 * ROW))


def pair_plot(pairs: pl.DataFrame, figure: str, reach: float) -> str:
    """One figure (of `between`) of every two judges, darkest from `reach` on."""
    found = pairs.filter(pl.col("figure") == figure).drop_nulls(["other", "value"])
    if found.is_empty():
        return ""
    shown = pl.concat([found, found.rename({"judge": "other", "other": "judge"}).select(found.columns)])
    grid = alt.Chart(shown).encode(x=alt.X("other:N", title=None, axis=alt.Axis(labelAngle=-30)), y=_judges("judge"))
    colour = alt.Color("value:Q", scale=alt.Scale(domain=[0, reach], scheme="oranges", clamp=True), legend=None)
    text = grid.mark_text().encode(text=alt.Text("value:Q", format=".2f"))
    both = grid.mark_rect().encode(color=colour) + text
    return svg(both.properties(width=alt.Step(3 * ROW)), step=ROW)


def template_name(row: Mapping[str, Any]) -> str:
    """A judge with the beginning of its template's hash."""
    return f"{row['judge']} {(row['template'] or 'no template')[:8]}"


def _intervals(rows: pl.DataFrame, key: str, order: Sequence[str]) -> Any:
    """Points on their intervals, a line for each judge and value of `key`."""
    colour = alt.Color(f"{key}:N", title=None, scale=alt.Scale(domain=[*order], range=COLOURS))
    base = alt.Chart(rows).encode(
        y=_judges("judge", gap=0.4), yOffset=alt.YOffset(f"{key}:N", sort=[*order]), color=colour
    )
    least = min(0.0, *rows["low"].drop_nulls().to_list(), *rows["value"].to_list())
    x = alt.X("low:Q", title=None, scale=alt.Scale(domain=[least, 1]), axis=alt.Axis(tickCount=10))
    return alt.layer(
        base.mark_rule(strokeWidth=2).encode(x=x, x2="high:Q"),
        base.mark_point(filled=True, size=60, opacity=1).encode(x="value:Q"),
    )


def _judges(column: str, gap: float = 0.1) -> alt.Y:
    return alt.Y(f"{column}:N", title=None, scale=alt.Scale(paddingInner=gap))


def _line(value: float) -> alt.Chart:
    """A dashed line across a plot."""
    return alt.Chart(pl.DataFrame({"at": [value]})).mark_rule(strokeDash=[4, 3], color="#888").encode(x="at:Q")
