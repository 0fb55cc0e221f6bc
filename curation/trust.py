"""How far to trust each judge: its figures with intervals, from what the warehouse holds."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, replace

import polars as pl
import pyarrow as pa

from curation.agreement import Estimate
from curation.agreement.alpha import krippendorff_alpha
from curation.agreement.cohen import cohen_kappa
from curation.agreement.fleiss import fleiss_kappa
from curation.agreement.kendall import kendall_tau
from curation.agreement.shares import share
from schemas.errors import InputError, nearest
from warehouse.lake import Lake
from warehouse.views import create_views

FIGURES = pl.Schema(
    {
        "judge": pl.String,
        "figure": pl.String,
        "value": pl.Float64,
        "low": pl.Float64,
        "high": pl.Float64,
        "n": pl.Int64,
        "n_prompts": pl.Int64,
        "reason": pl.String,
    }
)
PEOPLE, JUDGES = "people", "judges"
"""Groups whose members are compared with each other."""
COUNTED = "counted, without an interval"
MIRROR = {"a": "b", "b": "a", "tie": "tie"}
"""A verdict with the two responses exchanged."""


def _unwatched(done: int, total: int) -> None:
    """Progress that nobody sees."""


def judge_figures(
    lake: Lake, judge: str | None = None, *, watch: Callable[[int, int], None] = _unwatched
) -> pl.DataFrame:
    """Columns FIGURES: a row for each judge, or `judge` alone, and figure. Raises InputError when there is none.

    `watch` is told how many parts of the work are done, of how many.
    """
    create_views(lake.con)
    summary = lake.ask("judge_summary", judge=judge)
    if not summary.num_rows:
        raise _no_judge(lake, judge)
    parts = (_counted(summary), _shares(lake, judge), _beside_people(lake, judge))
    found: list[tuple[str, str, Estimate]] = []
    for number, part in enumerate(parts):
        watch(number, len(parts))
        found.extend(part)
    watch(len(parts), len(parts))
    return _frame(found)


def among(lake: Lake) -> pl.DataFrame:
    """Columns FIGURES, where `judge` is people, judges, or two judges: how far they agree with each other."""
    create_views(lake.con)
    return _frame([*_alphas(lake, PEOPLE, ["human"]), *_alphas(lake, JUDGES, ["ai", "rm", "unknown"]), *_taus(lake)])


def _frame(found: Iterable[tuple[str, str, Estimate]]) -> pl.DataFrame:
    return pl.DataFrame([{"judge": name, "figure": figure, **asdict(one)} for name, figure, one in found], FIGURES)


Found = Iterator[tuple[str, str, Estimate]]
"""Who, which figure, and its estimate."""


def _counted(summary: pa.Table) -> Found:
    """Figures that the views count."""
    columns = {
        "failed": ("failure_share", "n_asked"),
        "own": ("own_rate", "n_own"),
        "own of people": ("people_rate", "n_people_own"),
        "own of judges": ("judges_rate", "n_judges_own"),
        "circles": ("circles", "n_triples"),
    }
    for row in summary.to_pylist():
        yield row["judge"], "comparisons", Estimate(value=row["comparisons"], n=row["comparisons"], reason=COUNTED)
        for figure, (value, n) in columns.items():
            reason = COUNTED if row[value] is not None else "nothing to count"
            yield row["judge"], figure, Estimate(value=row[value], n=row[n] or 0, reason=reason)


def _shares(lake: Lake, judge: str | None) -> Found:
    counts = pl.DataFrame(pl.from_arrow(lake.ask("judge_counts", judge=judge)))
    for (name, figure), rows in counts.group_by(["judge", "figure"], maintain_order=True):
        yield str(name), str(figure), share(rows["hits"], rows["prompt_id"], of=rows["n"])


def _beside_people(lake: Lake, judge: str | None) -> Found:
    """Agreement of each judge with what most people say. A failure is wrong for accuracy, and absent elsewhere."""
    opinions = pl.DataFrame(pl.from_arrow(lake.ask("judge_beside_people", judge=judge)))
    for (name,), rows in opinions.group_by(["judge"], maintain_order=True):
        read = rows.drop_nulls("says")
        both = read.filter((pl.col("says") != "tie") & (pl.col("people_say") != "tie"))
        known = rows.filter(pl.col("people_say") != "tie")
        right = (known["says"] == known["people_say"]).fill_null(value=False)
        yield str(name), "agreement", share(read["says"] == read["people_say"], read["prompt_id"])
        yield str(name), "agreement, no ties", share(both["says"] == both["people_say"], both["prompt_id"])
        yield str(name), "accuracy", share(right, known["prompt_id"])
        mirrored = pl.concat([read, read.with_columns(pl.col("says", "people_say").replace_strict(MIRROR))])
        kappa = cohen_kappa(mirrored["says"], mirrored["people_say"], mirrored["prompt_id"])
        yield str(name), "kappa", replace(kappa, n=len(read))


def _alphas(lake: Lake, name: str, kinds: list[str]) -> Found:
    opinions = both_ways(pl.DataFrame(pl.from_arrow(lake.ask("shared_opinions", kinds=kinds))))
    units, prompts = opinions["comparison"], opinions["prompt_id"]
    found = {
        "alpha of verdicts": krippendorff_alpha(units, opinions["says"], prompts),
        "Fleiss' kappa": fleiss_kappa(units, opinions["says"], prompts),
    }
    if name == PEOPLE:  # judges have no unit of strength in common
        found["alpha of strengths"] = krippendorff_alpha(units, opinions["lean"], prompts, level="interval")
    for figure, one in found.items():
        yield name, figure, replace(one, n=one.n // 2)


def both_ways(opinions: pl.DataFrame) -> pl.DataFrame:
    """Every comparison both ways round: which response's id comes first is chance, and must not count as a habit."""
    other = opinions.with_columns(
        pl.col("says").replace_strict(MIRROR), -pl.col("lean"), pl.col("comparison") + " reversed"
    )
    return pl.concat([opinions, other])


def _taus(lake: Lake) -> Found:
    ratings = pl.DataFrame(pl.from_arrow(lake.ask("shared_ratings")))
    for (one, two), rows in ratings.group_by(["judge", "other"], maintain_order=True):
        yield f"{one} and {two}", "Kendall's tau", kendall_tau(rows["score"], rows["other_score"], rows["prompt_id"])


def _no_judge(lake: Lake, judge: str | None) -> InputError:
    known = lake.ask("judge_summary", judge=None).column("judge").to_pylist()
    if not known:
        return InputError("No judge has voted or rated here; run a recipe with judges, or import their votes.")
    return InputError(f"There is no judge {judge!r}.{nearest(str(judge), known)} Known: {', '.join(known)}.")
