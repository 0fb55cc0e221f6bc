"""How far to trust each judge: a table on the terminal, and one HTML page with plots."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import polars as pl
import polars.selectors as cs
import pyarrow as pa

from curation.trust import among, judge_figures
from flows.page import write_html
from flows.tables import check_format, show
from flows.trust_plots import (
    ALARM,
    calibration_plot,
    conflict_plot,
    failure_plot,
    interval_plot,
    style_plot,
)
from training.progress import shown
from warehouse.lake import Lake

COLUMNS: Mapping[str, tuple[str, str]] = {
    "comparisons": ("comparisons", "n"),
    "failed": ("failed", "value"),
    "first": ("first", "value"),
    "first_low": ("first", "low"),
    "first_high": ("first", "high"),
    "flipped": ("flipped", "value"),
    "ties": ("tie", "value"),
    "longer": ("length beside people", "value"),
    "people_longer": ("length of people", "value"),
    "own": ("own", "value"),
    "people_own": ("own of people", "value"),
    "circles": ("circles", "value"),
    "n_people": ("agreement", "n"),
    "agreement": ("agreement", "value"),
    "low": ("agreement", "low"),
    "high": ("agreement", "high"),
    "kappa": ("kappa", "value"),
    "accuracy": ("accuracy", "value"),
}
"""Columns of the table: a figure, and what of it. `low` and `high` are those of the agreement."""

SHORT = ("judge", "n_people", "agreement", "low", "high", "kappa", "accuracy", "first", "flipped", "longer", "failed")
"""Columns that fit a terminal."""

MEANINGS: Mapping[str, str] = {
    "comparisons": "comparisons that it judged",
    "failed": "verdicts or ratings that could not be read; more than 2 % is an alarm",
    "first": "verdicts for the answer shown first; 50 % without bias",
    "flipped": "opposite winners in the two orders",
    "tie": "ties, opposite verdicts in the two orders included",
    "length": "for the longer answer",
    "list": "for the only answer with a list",
    "markdown": "for the only answer with headings, bold or tables",
    "code": "for the only answer with a block of code",
    "own": "for its own model's answers; a tie counts half",
    "own of people": "what most people give these answers",
    "own of judges": "what the other judges give them",
    "circles": "triples of answers put in a circle",
    "agreement": "the same opinion as most people; a tie is one",
    "agreement, no ties": "the same winner, where neither calls a tie",
    "accuracy": "the winner of most people, in both orders together; a tie or a failure is wrong",
    "kappa": "agreement beyond chance (Cohen)",
    "alpha of verdicts": "agreement beyond chance (Krippendorff, nominal)",
    "alpha of strengths": "the same on signed strengths (interval)",
    "Fleiss' kappa": "agreement beyond chance where all have as many judgments",
    "Kendall's tau": "the same order of answers; 1 is all, 0 is chance",
}
"""What each figure is, in the order of the page."""


def show_judges(lake: Lake, judge: str | None, output: str, out: Path | None) -> None:
    """Print the table of all judges, or of one, and write the page to `out` if given."""
    check_format(output)
    with shown() as report:
        figures = judge_figures(lake, judge, watch=partial(report, "figures of judges"))
        if out:
            report("page", 0, 1)
            write_page(lake, figures, out, judge or "all judges")
            report("page", 1, 1)
    show(judge_table(figures, short=output == "table"), output)


def judge_table(figures: pl.DataFrame, *, short: bool = False) -> pa.Table:
    """One row a judge: its name, and COLUMNS; or those of SHORT, rounded for people."""
    found = {(row["judge"], row["figure"]): row for row in figures.to_dicts()}
    rows = [
        {"judge": name}
        | {column: found.get((name, figure), {}).get(what) for column, (figure, what) in COLUMNS.items()}
        for name in sorted(set(figures["judge"]))
    ]
    kinds = {column: pl.Int64 if what == "n" else pl.Float64 for column, (_, what) in COLUMNS.items()}
    table = pl.DataFrame(rows, {"judge": pl.String, **kinds})
    return (table.select(SHORT).with_columns(cs.float().round(3)) if short else table).to_arrow()


def write_page(lake: Lake, figures: pl.DataFrame, path: Path, title: str = "all judges") -> None:
    """One self-contained HTML page about the judges that `figures` (of `judge_figures`) are about."""
    names = sorted(set(figures["judge"]))
    templates, bins, pairs = (
        pl.DataFrame(pl.from_arrow(lake.ask(name, judge=names[0] if len(names) == 1 else None)))
        for name in ("judge_templates", "judge_calibration", "judge_agreement")
    )
    write_html(
        path,
        "trust.html.jinja",
        title=f"How far to trust a judge: {title}",
        judges={name: _in_order(figures, name) for name in names},
        among=among(lake).to_dicts(),
        meanings=MEANINGS,
        alarm=ALARM,
        templates=templates.to_dicts(),
        agreement_plot=interval_plot(figures, ["agreement, no ties", "accuracy", "kappa"]),
        position_plot=interval_plot(figures, ["first", "flipped"], rule=0.5),
        style_plot=style_plot(figures),
        failure_plot=failure_plot(templates),
        calibration_plot=calibration_plot(bins),
        conflict_plot=conflict_plot(pairs),
    )


def _in_order(figures: pl.DataFrame, judge: str) -> list[dict[str, Any]]:
    rows = {row["figure"]: row for row in figures.filter(pl.col("judge") == judge).to_dicts()}
    return [rows[figure] for figure in MEANINGS if figure in rows]
