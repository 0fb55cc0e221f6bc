"""How far to trust each judge: tables on the terminal, and one HTML page with plots."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import polars as pl
import polars.selectors as cs
import pyarrow as pa

from curation.trust import judge_figures
from curation.trust.between import between
from flows.page import write_html
from flows.tables import check_format, show
from flows.trust_plots import (
    ALARM,
    calibration_plot,
    failure_plot,
    interval_plot,
    pair_plot,
    probability_plot,
    style_plot,
)
from training.progress import shown
from warehouse.lake import Lake

COUNTS: Mapping[str, str] = {
    "comparisons": "comparisons",
    "n_asked": "failed",
    "n_people": "agreement",
    "n_rankings": "rank accuracy",
    "n_own": "own",
    "n_triples": "circles",
    "n_ratings_again": "same rating again",
    "n_verdicts_again": "same verdict again",
}
"""Columns that say of how many a figure is."""
COLUMNS: Mapping[str, str] = {
    "agreement": "agreement",
    "kappa": "kappa",
    "accuracy": "accuracy",
    "rank_accuracy": "rank accuracy",
    "first": "first",
    "flipped": "flipped",
    "consistent": "consistent",
    "ties": "tie",
    "longer": "length beside people",
    "people_longer": "length of people",
    "own": "own",
    "people_own": "own of people",
    "own_beside_people": "own beside people",
    "own_beside_judges": "own beside judges",
    "circles": "circles",
    "failed": "failed",
    "refused": "refused",
    "truncated": "truncated",
    "unparsable": "unparsable",
    "same_rating": "same rating again",
    "alpha_itself_ordinal": "alpha with itself, ordinal",
    "alpha_itself_interval": "alpha with itself, interval",
    "same_verdict": "same verdict again",
    "alpha_itself_verdicts": "alpha with itself, verdicts",
    "calibration_error": "calibration error",
    "brier": "Brier score",
}
"""Columns of the table by their figure; each has its interval beside it, in NAME_low and NAME_high."""

SHORT: Mapping[str, str] = {
    "judge": "judge", "n_people": "n_people", "agreement": "agreement", "agreement_low": "low",
    "agreement_high": "high", "kappa": "kappa", "accuracy": "accuracy", "first": "first", "flipped": "flipped",
    "longer": "longer", "own_beside_people": "own_beside_people", "circles": "circles", "failed": "failed",
    "refused": "refused",
}  # fmt: skip
"""Columns that fit a terminal, and what they are called there."""

MEANINGS: Mapping[str, str] = {
    "comparisons": "comparisons that it judged",
    "failed": "verdicts or ratings that its replies did not give; more than 2 % is an alarm",
    "refused": "because it declined",
    "truncated": "because the reply was too long",
    "unparsable": "because the reply says nothing that counts",
    "first": "verdicts for the answer shown first; 50 % without bias",
    "flipped": "opposite winners in the two orders",
    "consistent": "the same verdict in the two orders",
    "tie": "ties, opposite verdicts in the two orders included",
    "length": "for the longer answer",
    "list": "for the only answer with a list",
    "markdown": "for the only answer with headings, bold or tables",
    "code": "for the only answer with a block of code",
    "own": "for its own model's answers; a tie counts half",
    "own of people": "what most people give these answers",
    "own of judges": "what the other judges give them",
    "own beside people": "how much more it gives to them than most people do, on the same comparisons",
    "own beside judges": "how much more than the other judges",
    "circles": "triples of answers put in a circle",
    "same rating again": "of what it rated more than once, the share with equal ratings",
    "alpha with itself, ordinal": "agreement of these ratings beyond chance (Krippendorff), by rank",
    "alpha with itself, interval": "the same, by squared distance",
    "same verdict again": "of the comparisons judged more than once in one order, the share with equal verdicts",
    "alpha with itself, verdicts": "agreement of these verdicts beyond chance (Krippendorff, nominal)",
    "agreement": "the same opinion as most people, or as the other judge; a tie is one",
    "agreement, no ties": "the same winner, where neither calls a tie",
    "accuracy": "the winner of most people, in both orders together; a tie or a failure is wrong",
    "rank accuracy": "how well its ratings of more than two answers keep a person's order; 0.5 is all rated alike",
    "kappa": "agreement beyond chance (Cohen)",
    "calibration error": "mean distance of its probabilities from how often most people agree; 0 is calibrated",
    "Brier score": "mean squared distance of its probabilities from what most people say; 0.25 is always one half",
    "conflict": "opposite winners, where neither calls a tie",
    "alpha of verdicts": "agreement beyond chance (Krippendorff, nominal)",
    "alpha of strengths": "the same on signed strengths (interval)",
    "Fleiss' kappa": "agreement beyond chance where all have as many judgments",
    "Kendall's tau": "the same order of answers by their ratings; 1 is all, 0 is chance",
}
"""What each figure is, in the order of the page."""


def show_judges(lake: Lake, judge: str | None, output: str, out: Path | None, *, pairs: bool = False) -> None:
    """Print the table of all judges, or of one, and write the page to `out` if given.

    With `pairs` the table says how far every two of them agree, and all together.
    """
    check_format(output)
    with shown() as report:
        figures = judge_figures(lake, judge, watch=partial(report, "figures of judges"))
        if out:
            report("page", 0, 1)
            write_page(lake, figures, out, judge or "all judges")
            report("page", 1, 1)
    table = pair_table(lake, judge, short=output == "table") if pairs else judge_table(figures, short=output == "table")
    show(table, output)


def judge_table(figures: pl.DataFrame, *, short: bool = False) -> pa.Table:
    """One row a judge: its name, COUNTS and COLUMNS with their intervals; or those of SHORT, rounded for people."""
    found = {(row["judge"], row["figure"]): row for row in figures.to_dicts()}
    cells = {name: (figure, "n") for name, figure in COUNTS.items()}
    for name, figure in COLUMNS.items():
        cells |= {name: (figure, "value"), f"{name}_low": (figure, "low"), f"{name}_high": (figure, "high")}
    rows = [
        {"judge": name} | {column: found.get((name, figure), {}).get(what) for column, (figure, what) in cells.items()}
        for name in sorted(set(figures["judge"]))
    ]
    kinds = {column: pl.Int64 if what == "n" else pl.Float64 for column, (_, what) in cells.items()}
    table = pl.DataFrame(rows, {"judge": pl.String, **kinds})
    return (_rounded(table.select(*SHORT).rename(dict(SHORT))) if short else table).to_arrow()


def pair_table(lake: Lake, judge: str | None = None, *, short: bool = False) -> pa.Table:
    """One row a figure of two judges, or of all together: columns BETWEEN; those that fit a terminal, rounded."""
    found = between(lake, judge)
    return (_rounded(found.drop("n_prompts")) if short else found).to_arrow()


def _rounded(table: pl.DataFrame) -> pl.DataFrame:
    return table.with_columns(cs.float().round(3))


def write_page(lake: Lake, figures: pl.DataFrame, path: Path, title: str = "all judges") -> None:
    """One self-contained HTML page about the judges that `figures` (of `judge_figures`) are about."""
    names = sorted(set(figures["judge"]))
    judge = names[0] if len(names) == 1 else None
    templates, bins, probabilities = (
        pl.DataFrame(pl.from_arrow(lake.ask(name, judge=judge)))
        for name in ("judge_templates", "judge_calibration", "judge_probability_bins")
    )
    among = between(lake, judge)
    write_html(
        path,
        "trust.html.jinja",
        title=f"How far to trust a judge: {title}",
        judges={name: _in_order(figures, name) for name in names},
        among=[
            row | {"judge": f"{row['judge']} and {row['other']}" if row["other"] else row["judge"]}
            for row in among.to_dicts()
        ],
        meanings=MEANINGS,
        alarm=ALARM,
        templates=templates.to_dicts(),
        agreement_plot=interval_plot(figures, ["agreement, no ties", "accuracy", "kappa"]),
        position_plot=interval_plot(figures, ["first", "flipped", "consistent"], rule=0.5),
        style_plot=style_plot(figures),
        itself_plot=interval_plot(
            figures,
            ["same rating again", "alpha with itself, ordinal", "same verdict again", "alpha with itself, verdicts"],
        ),
        failure_plot=failure_plot(templates),
        calibration_plot=calibration_plot(bins),
        probability_plot=probability_plot(probabilities),
        kappa_plot=pair_plot(among, "kappa", 1.0),
        conflict_plot=pair_plot(among, "conflict", 0.5),
    )


def _in_order(figures: pl.DataFrame, judge: str) -> list[dict[str, Any]]:
    rows = {row["figure"]: row for row in figures.filter(pl.col("judge") == judge).to_dicts()}
    return [rows[figure] for figure in MEANINGS if figure in rows]
