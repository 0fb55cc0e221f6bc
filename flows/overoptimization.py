"""What optimising a reward model does to the truth, from files of scored responses: a table, and a picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import altair as alt
import numpy as np
import polars as pl
import pyarrow as pa
from numpy.typing import NDArray

from curation.readers import read_records
from curation.records import BadRow
from flows.measure import subject_of
from flows.page import WIDTH, svg
from flows.tables import check_format, show
from schemas.errors import InputError
from training.evaluate.benchmarks import item
from training.evaluate.best_of_n import tied_share
from training.evaluate.overoptimization import Curve, best_of_n_curve, checkpoint_curve
from training.evaluate.rewards import Item
from training.evaluate.subject import rewards_that_fit
from training.progress import shown

TITLES = {"proxy": "proxy", "gold": "gold; dashed: the fitted law"}
HEIGHT = 190
"""Of a panel, in pixels."""


class Samples(NamedTuple):
    """N responses to each of P prompts."""

    prompts: tuple[str, ...]
    """[P]"""
    items: list[Item]
    """[P * N], prompt by prompt"""
    records: list[Mapping[str, Any]]
    """[P * N]"""

    def scores(self, column: str, model: str | None) -> NDArray[np.float64]:
        """[P, N] rewards of a model, or of an ensemble whose settings are in a file; without either, a column."""
        if model is None:
            found = np.array([number(record, column) for record in self.records])
        else:
            with shown() as report:
                rewards = rewards_that_fit(subject_of(model), self.items, progress=partial(report, model))
            found = rewards.astype(np.float64)
            if long := int(np.isnan(found).sum()):
                raise InputError(f"{long} of {len(found)} samples are longer than {model} reads; leave them out.")
        return found.reshape(len(self.prompts), -1)


def show_best_of_n(
    path: Path,
    proxies: Sequence[str],
    gold: str | None,
    counts: Sequence[int],
    points: bool,
    output: str,
    out: Path | None,
) -> None:
    """Print what the best of n responses is worth, by each proxy; draw the curves to `out` if given."""
    check_format(output)
    samples = read_samples(path)
    truth = samples.scores("gold", gold)
    if (most := truth.shape[1]) < 2:
        raise InputError(f"{path}: every prompt has one response; give two or more to the very same prompt.")
    wanted = counts or [2**power for power in range(most.bit_length())]
    scores = {name or "proxy": samples.scores("proxy", name) for name in proxies or [None]}
    curves = {name: best_of_n_curve(found, truth, samples.prompts, wanted) for name, found in scores.items()}
    show_curves(curves, points, output, out, {name: {"tied": tied_share(found)} for name, found in scores.items()})


def show_checkpoints(path: Path, points: bool, output: str, out: Path | None) -> None:
    """Print how proxy and gold fare from checkpoint to checkpoint; draw the curve to `out` if given."""
    check_format(output)
    by_step: dict[float, dict[str, Mapping[str, Any]]] = {}
    for record in records_of(path, ("prompt",)):
        by_step.setdefault(number(record, "step"), {})[str(record["prompt"])] = record
    steps = [by_step[step] for step in sorted(by_step)]
    prompts = tuple(steps[0])
    if any(one.keys() != steps[0].keys() for one in steps):
        raise InputError(f"{path}: the checkpoints were measured on different prompts; measure all on the same.")
    table = {
        name: np.array([[number(one[prompt], name) for prompt in prompts] for one in steps])
        for name in ("kl", "proxy", "gold")
    }
    curve = checkpoint_curve(table["kl"].mean(1), table["proxy"], table["gold"], prompts)
    show_curves({path.stem: curve}, points, output, out, {path.stem: {}})


def show_curves(
    curves: Mapping[str, Curve], points: bool, output: str, out: Path | None, more: Mapping[str, Mapping[str, float]]
) -> None:
    """Print one row a curve, or one a point; draw all to `out` if given."""
    drawn = [{"model": name} | row for name, curve in curves.items() for row in curve.rows()]
    if out:
        out.write_text(curve_plot(pl.DataFrame(drawn, infer_schema_length=None)), encoding="utf-8")
    figures = [{"model": name} | curve.figures() | dict(more[name]) for name, curve in curves.items()]
    show(pa.Table.from_pylist(drawn if points else figures), output)


def curve_plot(rows: pl.DataFrame) -> str:
    """Proxy and gold over sqrt(KL), a line for each model with its interval: rows of `Curve.rows` with a `model`."""
    panels = []
    for score, title in TITLES.items():
        base = alt.Chart(rows.filter(pl.col("score") == score)).encode(
            x=alt.X("distance:Q", title="sqrt(KL) from the starting policy, sqrt(nats)"),
            color=alt.Color("model:N", sort=None, legend=alt.Legend(title=None, symbolOpacity=1)),
        )
        layers = banded(base, title)
        if score == "gold":
            layers.append(base.mark_line(strokeDash=[4, 3], strokeWidth=1).encode(y="law:Q"))
        panels.append(alt.layer(*layers).properties(width=WIDTH, height=HEIGHT))
    return svg(alt.vconcat(*panels))


def banded(base: alt.Chart, title: str) -> list[alt.Chart]:
    """Points, a line and its interval: of rows with value, low and high."""
    y = alt.Y("value:Q", title=title, scale=alt.Scale(zero=False))
    return [
        base.mark_point(filled=True, size=40, opacity=1).encode(y=y),
        base.mark_line(strokeWidth=2).encode(y=y),
        base.mark_area(opacity=0.12).encode(y="low:Q", y2="high:Q"),
    ]


def read_samples(path: Path) -> Samples:
    """Responses from a file with the columns prompt (text or messages) and response, as many for every prompt."""
    by_prompt: dict[str, list[tuple[Item, Mapping[str, Any]]]] = {}
    for record in records_of(path, ("prompt", "response")):
        prompt = record["prompt"]
        by_prompt.setdefault(str(prompt), []).append((item(prompt, record["response"]), record))
    sizes = {len(samples) for samples in by_prompt.values()}
    if len(sizes) != 1:
        raise InputError(f"{path}: prompts have {min(sizes)} to {max(sizes)} responses; give every prompt as many.")
    rows = [row for samples in by_prompt.values() for row in samples]
    return Samples(tuple(by_prompt), [item for item, _ in rows], [record for _, record in rows])


def records_of(path: Path, columns: Sequence[str]) -> list[Mapping[str, Any]]:
    """The records of a file, each with these columns."""
    found: list[Mapping[str, Any]] = []
    for place, record in read_records(path):
        if isinstance(record, BadRow) or any(record.get(name) is None for name in columns):
            raise InputError(f"{path}, record {place}: it needs {' and '.join(columns)}.")
        found.append(record)
    if not found:
        raise InputError(f"{path} has no records.")
    return found


def number(record: Mapping[str, Any], column: str) -> float:
    """A number of a record."""
    try:
        return float(record[column])
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f"A record has no number {column!r}: name a model for it, or add the column.") from error
