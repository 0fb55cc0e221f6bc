"""What a run did and what it is worth: a table on the terminal, and one HTML page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import altair as alt
import polars as pl

from flows.page import ROW, svg, write_html
from flows.strength_report import strength_parts
from flows.tables import show
from warehouse.lake import Lake
from warehouse.versions import find_version


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """One stage of a version's run."""

    version: str
    stage: str
    unit: str
    read: int
    kept: int
    dropped: str
    calls_made: int
    calls_reused: int
    seconds: float


def stages(lake: Lake, label: str) -> list[Stage]:
    """The stages that made a version, in order."""
    version = find_version(lake, label)
    rows = lake.ask("stage_counts", dataset=version.dataset, version=version.version).to_pylist()
    return [_stage(label, row) for row in rows]


def _stage(label: str, row: dict[str, Any]) -> Stage:
    funnel = row["funnel"]
    dropped = ", ".join(f"{count:,} {reason}" for reason, count in sorted(dict(funnel["dropped"] or {}).items()))
    return Stage(
        version=label,
        stage=row["stage"],
        unit=funnel["unit"],
        read=funnel["read"],
        kept=funnel["kept"],
        dropped=dropped,
        calls_made=row["calls_made"],
        calls_reused=row["calls_reused"],
        seconds=row["seconds"],
    )


def print_summary(lake: Lake, labels: Sequence[str]) -> None:
    """The funnel and the figures, as tables on the terminal."""
    show(pl.DataFrame([stage for label in labels for stage in stages(lake, label)]).to_arrow(), "table")
    show(lake.ask("evaluations"), "table")


def write_report(lake: Lake, labels: Sequence[str], path: Path, *, seconds: float | None = None) -> None:
    """One self-contained HTML page about versions: counts, drops, judges, models, versions."""
    figures = pl.DataFrame(pl.from_arrow(lake.ask("evaluations")))
    write_html(
        path,
        "report.html.jinja",
        title=" and ".join(labels),
        seconds=seconds,
        versions=[find_version(lake, label) for label in labels],
        stages=[stage for label in labels for stage in stages(lake, label)],
        figures=figures.to_dicts(),
        models=lake.ask("model_list").to_pylist(),
        strengths=strength_parts(lake, labels),
        funnel_plot=funnel_plot([stage for label in labels for stage in stages(lake, label)]),
        gold_plot=interval_plot(figures.filter(pl.col("metric") == "mean gold"), "mean gold, held-out prompts"),
        accuracy_plot=interval_plot(
            figures.filter(pl.col("metric") == "pair accuracy against gold"), "pair accuracy against gold"
        ),
    )


def interval_plot(figures: pl.DataFrame, title: str) -> str:
    """Figures with their 95 % intervals, as SVG; empty when there are none."""
    if figures.is_empty():
        return ""
    base = alt.Chart(figures).encode(y=alt.Y("subject:N", title=None, sort=None))
    x = alt.X("low:Q", title=title, scale=alt.Scale(zero=False), axis=alt.Axis(tickCount=10))
    span = base.mark_rule(strokeWidth=2).encode(x=x, x2="high:Q")
    middle = base.mark_point(filled=True, size=70).encode(x="value:Q")
    return svg(span + middle, step=ROW)


def funnel_plot(rows: Sequence[Stage]) -> str:
    """Rows kept and dropped at each stage, as SVG."""
    cells = [
        {"stage": f"{row.version}: {row.stage}", "rows": count, "went": went}
        for row in rows
        for went, count in (("kept", row.kept), ("dropped", row.read - row.kept))
    ]
    chart = alt.Chart(pl.DataFrame(cells)).mark_bar()
    colour = alt.Color("went:N", title=None, scale=alt.Scale(domain=["kept", "dropped"], range=["#4c78a8", "#e45756"]))
    x = alt.X("rows:Q", title="rows", axis=alt.Axis(tickCount=10))
    encoded = chart.encode(x=x, y=alt.Y("stage:N", title=None, sort=None), color=colour)
    return svg(encoded, step=ROW)
