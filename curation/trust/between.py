"""How far people agree with people, and judges with judges: all of them together, and every two judges."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict

import polars as pl

from curation.agreement import Estimate
from curation.agreement.alpha import krippendorff_alpha
from curation.agreement.cohen import cohen_kappa
from curation.agreement.fleiss import fleiss_kappa
from curation.agreement.kendall import kendall_tau
from curation.agreement.shares import percent_agreement, share
from curation.trust.figures import FIGURES, MIRROR, asked, halved
from warehouse.lake import Lake
from warehouse.views import create_views

PEOPLE, JUDGES = "people", "judges"
"""Groups whose members are compared with each other."""
BETWEEN = pl.Schema({"judge": pl.String, "other": pl.String} | dict(FIGURES))

Found = Iterator[tuple[str, str | None, str, Estimate]]
"""A group, or a judge and another one; which figure, and its estimate."""


def between(lake: Lake, judge: str | None = None) -> pl.DataFrame:
    """Columns BETWEEN: every two judges, or `judge` and every other one; before them, without an `other`, all together.

    `judge` is then `people` or `judges`.
    """
    create_views(lake.con)
    found: list[tuple[str, str | None, str, Estimate]] = []
    if judge is None:
        found += _together(lake, PEOPLE, ["human"])
        found += _together(lake, JUDGES, ["ai", "rm", "unknown"])
    found += [*_verdicts(lake, judge), *_ratings(lake, judge)]
    rows = [{"judge": one, "other": two, "figure": figure, **asdict(estimate)} for one, two, figure, estimate in found]
    return pl.DataFrame(rows, BETWEEN).sort("other", "judge", nulls_last=False, maintain_order=True)


def _together(lake: Lake, name: str, kinds: list[str]) -> Found:
    opinions = both_ways(asked(lake, "shared_opinions", kinds=kinds))
    units, prompts = opinions["comparison"], opinions["prompt_id"]
    yield name, None, "alpha of verdicts", halved(krippendorff_alpha(units, opinions["says"], prompts))
    yield name, None, "Fleiss' kappa", halved(fleiss_kappa(units, opinions["says"], prompts))
    if name == PEOPLE:  # neither judges nor ratings have a unit of strength in common
        voted = opinions.filter(~pl.col("rated"))
        alpha = krippendorff_alpha(voted["comparison"], voted["lean"], voted["prompt_id"], level="interval")
        yield name, None, "alpha of strengths", halved(alpha)


def both_ways(opinions: pl.DataFrame) -> pl.DataFrame:
    """Every comparison both ways round: which response's id comes first is chance, and must not count as a habit."""
    other = opinions.with_columns(
        pl.col("says").replace_strict(MIRROR), -pl.col("lean"), pl.col("comparison") + " reversed"
    )
    return pl.concat([opinions, other])


def _verdicts(lake: Lake, judge: str | None) -> Found:
    shared = asked(lake, "shared_verdicts", judge=judge)
    for (one, two), rows in shared.group_by(["judge", "other"], maintain_order=True):
        names = str(one), str(two)
        decided = rows.filter((pl.col("says") != "tie") & (pl.col("other_says") != "tie"))
        mirrored = pl.concat([rows, rows.with_columns(pl.col("says", "other_says").replace_strict(MIRROR))])
        kappa = cohen_kappa(mirrored["says"], mirrored["other_says"], mirrored["prompt_id"])
        yield *names, "agreement", percent_agreement(rows["says"], rows["other_says"], rows["prompt_id"])
        yield *names, "kappa", halved(kappa)
        yield *names, "conflict", share(decided["says"] != decided["other_says"], decided["prompt_id"])


def _ratings(lake: Lake, judge: str | None) -> Found:
    shared = asked(lake, "shared_ratings", judge=judge)
    for (one, two), rows in shared.group_by(["judge", "other"], maintain_order=True):
        tau = kendall_tau(rows["score"], rows["other_score"], rows["prompt_id"])
        yield str(one), str(two), "Kendall's tau", tau
