"""Figures of judges as rows: who, which figure, its value with an interval, or the reason why there is none."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict, replace

import polars as pl

from curation.agreement import Estimate
from warehouse.lake import Lake

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
MIRROR = {"a": "b", "b": "a", "tie": "tie"}
"""A verdict with the two responses exchanged."""

Found = Iterator[tuple[str, str, Estimate]]
"""Who, which figure, and its estimate."""


def frame(found: Iterable[tuple[str, str, Estimate]]) -> pl.DataFrame:
    """Columns FIGURES."""
    return pl.DataFrame([{"judge": name, "figure": figure, **asdict(one)} for name, figure, one in found], FIGURES)


def asked(lake: Lake, query: str, **parameters: object) -> pl.DataFrame:
    """The rows of a question to the warehouse."""
    return pl.DataFrame(pl.from_arrow(lake.ask(query, **parameters)))


def halved(found: Estimate) -> Estimate:
    """An estimate over every comparison both ways round, with the number of comparisons that there are."""
    return replace(found, n=found.n // 2)
