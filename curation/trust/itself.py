"""Judges beside themselves: whether they say the same when they are asked the same again."""

from __future__ import annotations

import polars as pl

from curation.agreement import Estimate
from curation.agreement.alpha import krippendorff_alpha
from curation.agreement.shares import share
from curation.trust.figures import Found, asked, halved
from warehouse.lake import Lake


def self_agreement(lake: Lake, judge: str | None) -> Found:
    """Of judges with repeated readings: the share of items whose readings are all equal, and alpha."""
    for (name, kind), rows in asked(lake, "judge_repeats", judge=judge).group_by(
        ["judge", "kind"], maintain_order=True
    ):
        items = rows.group_by("item", maintain_order=True).agg(
            pl.col("prompt_id").first(), (pl.col("value").min() == pl.col("value").max()).alias("same")
        )
        yield str(name), f"same {kind} again", share(items["same"], items["prompt_id"])
        for figure, alpha in (_of_ratings if kind == "rating" else _of_verdicts)(rows).items():
            yield str(name), figure, alpha


def _of_ratings(rows: pl.DataFrame) -> dict[str, Estimate]:
    units, values, prompts = rows["item"], rows["value"], rows["prompt_id"]
    return {
        "alpha with itself, ordinal": krippendorff_alpha(units, values, prompts, level="ordinal"),
        "alpha with itself, interval": krippendorff_alpha(units, values, prompts, level="interval"),
    }


def _of_verdicts(rows: pl.DataFrame) -> dict[str, Estimate]:
    """Both ways round: which response's id comes first is chance, and must not count as a habit."""
    other = rows.with_columns((1 - pl.col("value")).alias("value"), pl.col("item") + " reversed")
    both = pl.concat([rows, other])
    alpha = krippendorff_alpha(both["item"], both["value"], both["prompt_id"])
    return {"alpha with itself, verdicts": halved(alpha)}
