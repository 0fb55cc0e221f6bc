"""How far to trust each judge: its figures with intervals, from what the warehouse holds."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product

import polars as pl

from curation.agreement import Estimate
from curation.agreement.shares import mean_difference, share
from curation.trust.beside_people import agreement, calibration, ranking
from curation.trust.figures import Found, asked, frame
from curation.trust.itself import self_agreement
from schemas.errors import InputError, nearest
from warehouse.lake import Lake
from warehouse.views import create_views

COUNTED = "counted, without an interval"
SHARES = ("failed", "refused", "truncated", "unparsable", "own", "own of people", "own of judges", "circles")
"""Shares that every judge has, or the reason why not."""


def _unwatched(done: int, total: int) -> None:
    """Progress that nobody sees."""


def judge_figures(
    lake: Lake, judge: str | None = None, *, watch: Callable[[int, int], None] = _unwatched
) -> pl.DataFrame:
    """Columns FIGURES: a row for each judge, or `judge` alone, and figure. Raises InputError when there is none.

    `watch` is told how many parts of the work are done, of how many.
    """
    create_views(lake.con)
    summary = lake.ask("judge_summary", judge=judge).to_pylist()
    if not summary:
        raise _no_judge(lake, judge)
    names = [row["judge"] for row in summary]
    parts = (
        (_counted(row["judge"], row["comparisons"]) for row in summary),
        _shares(lake, judge, names),
        _own(lake, judge),
        agreement(lake, judge),
        ranking(lake, judge),
        calibration(lake, judge),
        self_agreement(lake, judge),
    )
    found: list[tuple[str, str, Estimate]] = []
    for number, part in enumerate(parts):
        watch(number, len(parts))
        found.extend(part)
    watch(len(parts), len(parts))
    return frame(found)


def _counted(judge: str, comparisons: int) -> tuple[str, str, Estimate]:
    return judge, "comparisons", Estimate(value=comparisons, n=comparisons, reason=COUNTED)


def _shares(lake: Lake, judge: str | None, names: list[str]) -> Found:
    missing = set(product(names, SHARES))
    for (name, figure), rows in asked(lake, "judge_counts", judge=judge).group_by(
        ["judge", "figure"], maintain_order=True
    ):
        missing.discard((str(name), str(figure)))
        yield str(name), str(figure), share(rows["hits"], rows["prompt_id"], of=rows["n"])
    for name, figure in sorted(missing):
        yield name, figure, Estimate.undefined("nothing to count")


def _own(lake: Lake, judge: str | None) -> Found:
    """How much more a judge gives to its own model's answers than others give to the same ones."""
    for (name,), rows in asked(lake, "judge_own", judge=judge).group_by(["judge"], maintain_order=True):
        for whose in ("people", "judges"):
            both = rows.drop_nulls(f"won_with_{whose}")
            found = mean_difference(both["won"], both[f"won_with_{whose}"], both["prompt_id"])
            yield str(name), f"own beside {whose}", found


def _no_judge(lake: Lake, judge: str | None) -> InputError:
    known = lake.ask("judge_summary", judge=None).column("judge").to_pylist()
    if not known:
        return InputError("No judge has voted or rated here; run a recipe with judges, or import their votes.")
    return InputError(f"There is no judge {judge!r}.{nearest(str(judge), known)} Known: {', '.join(known)}.")
