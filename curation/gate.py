"""The gate before publishing: closed when a judge is wrong about golden items, fails too often, or has changed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, fields
from itertools import groupby
from typing import Any, Literal

import pyarrow as pa
from pydantic import Field, NaiveDatetime

from curation.drift import Sums, z_of
from schemas.base import Strict
from schemas.drops import DROPS, Drop
from schemas.errors import GateClosed, InputError
from warehouse.lake import Lake

Name = Literal["golden", "failed", "first", "tie", "score"]

MEANING: dict[Name, str] = {
    "golden": "share of golden comparisons judged as people did",
    "failed": "share of verdicts that could not be read",
    "first": "share of verdicts for the answer shown first",
    "tie": "share of ties",
    "score": "mean score",
}
WORSE: dict[Name, int] = {"golden": -1, "failed": 1}
"""Which way a change is an alarm; either way for the others."""


class Gate(Strict):
    """What keeps a run from being published. A figure on too little data raises no alarm."""

    golden: tuple[str, ...] = ()
    """Sources whose comparisons people voted on. Some are hidden among the run's own, and never published; none when
    empty."""
    golden_prompts: int = Field(default=50, ge=1)
    """Prompts of these that a run asks about. A run with other prompts of its own draws others here too."""
    min_golden_accuracy: float = Field(default=0.7, ge=0, le=1)
    """Least share of golden comparisons that a judge decides as most people did. A tie, verdicts that change with the
    order, and a failure are wrong (the rule of JudgeBench, arXiv 2410.12784)."""
    max_failure_share: float = Field(default=0.02, ge=0, le=1)
    """Most replies of a judge, every try counted, that may be no verdict."""
    drift_z: float = Field(default=4.0, gt=0)
    """Most standard errors that a figure may lie from that of earlier runs of the same judge, version and template.

    A run before which the gate closed is no earlier run.
    """
    least_drift: float = Field(default=0.05, ge=0)
    """A smaller change of a share raises no alarm, however certain it is."""
    least_score_drift: float = Field(default=0.2, ge=0)
    """The same for mean scores, in standard deviations of the earlier scores."""
    drift_since: NaiveDatetime | None = None
    """Earlier calls (UTC) are no history to compare with: for a judge that was meant to change."""
    least_verdicts: int = Field(default=100, ge=1)
    """A share or mean of fewer verdicts raises no alarm."""
    least_golden: int = Field(default=30, ge=1)
    """Golden accuracy on fewer comparisons raises no alarm."""

    def enough(self, name: Name, sums: Sums) -> bool:
        """Whether a figure rests on enough verdicts to be compared with anything."""
        return sums.n >= (self.least_golden if name == "golden" else self.least_verdicts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """A figure of one judge, version and template in one run, and in all calls before it."""

    judge: str
    version: str
    template: str
    name: Name
    now: Sums
    before: Sums | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarm:
    """Why a judge is not to be trusted. `bound` is the setting that `value` (a share, or a z) lies beyond."""

    judge: str
    figure: str
    """The figure's name, with ` drift` behind it when it moved."""
    value: float
    bound: float
    sentence: str


def alarms(figures: Iterable[Figure], gate: Gate) -> list[Alarm]:
    """All alarms that figures raise."""
    return [
        alarm
        for figure in figures
        if gate.enough(figure.name, figure.now)
        for alarm in (_beyond_bound(figure, gate), _drifted(figure, gate))
        if alarm is not None
    ]


def check_gate(lake: Lake, gate: Gate, call_ids: Sequence[str], run_id: str) -> None:
    """Raise GateClosed when a judge of these calls raises an alarm; each alarm is a row of `drops` by then."""
    found = alarms(run_figures(lake, gate, call_ids), gate)
    if not found:
        return
    drops = [
        Drop.of("gate", "run", f"{alarm.judge}: {alarm.figure}", row_id=run_id, detail=alarm.sentence, run_id=run_id)
        for alarm in found
    ]
    lake.append((DROPS, DROPS.rows(drops)))
    raise GateClosed(found[0].judge, found[0].figure, found[0].sentence, more=len(found) - 1)


def run_figures(lake: Lake, gate: Gate, call_ids: Sequence[str]) -> list[Figure]:
    """The figures of the judges that these calls answered."""
    wanted = pa.table({"call_id": pa.array(call_ids, pa.string())})
    found = lake.ask("run_figures", wanted=wanted, known=known_verdicts(lake, gate), since=gate.drift_since)
    return list(_figures(found.to_pylist()))


def known_verdicts(lake: Lake, gate: Gate) -> pa.Table:
    """What most people say of the golden comparisons: prompt_id, response_a, response_b, says.

    Raises InputError when a golden source has none.
    """
    known = lake.ask("known_verdicts", sources=list(gate.golden))
    found = {source for sources in known.column("sources").to_pylist() for source in sources}
    if absent := sorted({*gate.golden} - found):
        raise InputError(f"People decided no comparison of {absent[0]!r}; import their votes, or correct gate.golden.")
    return known.drop_columns("sources")


def _figures(rows: Sequence[dict[str, Any]]) -> Iterator[Figure]:
    """Rows of `run_figures`, the run's and the earlier ones side by side. A figure without the run's is no figure."""
    mark = ("judge", "version", "template", "figure")
    for (judge, version, template, name), both in groupby(rows, lambda row: tuple(row[key] for key in mark)):
        sums = {row["is_now"]: Sums(**{field.name: row[field.name] for field in fields(Sums)}) for row in both}
        if True in sums:
            yield Figure(
                judge=judge, version=version, template=template, name=name, now=sums[True], before=sums.get(False)
            )


def _beyond_bound(figure: Figure, gate: Gate) -> Alarm | None:
    """Golden accuracy and failures have bounds of their own, whatever was before."""
    value = figure.now.rate
    if figure.name == "golden" and value < gate.min_golden_accuracy:
        return _alarm(figure, value, gate.min_golden_accuracy, f"the least allowed is {gate.min_golden_accuracy:.1%}")
    if figure.name == "failed" and value > gate.max_failure_share:
        return _alarm(figure, value, gate.max_failure_share, f"the most allowed is {gate.max_failure_share:.1%}")
    return None


def _drifted(figure: Figure, gate: Gate) -> Alarm | None:
    before = figure.before
    if before is None or not gate.enough(figure.name, before):
        return None
    is_share = figure.name != "score"
    change = figure.now.rate - before.rate
    least = gate.least_drift if is_share else gate.least_score_drift * before.deviation
    z = z_of(figure.now, before, is_share=is_share)
    worse = WORSE.get(figure.name, 0) * change >= 0
    if z is None or not worse or abs(change) <= least or abs(z) <= gate.drift_z:
        return None
    why = f"it was {_shown(figure, before)} before: z is {z:.1f}, and the most allowed is {gate.drift_z:g}"
    return _alarm(figure, z, gate.drift_z, why, kind=" drift")


def _alarm(figure: Figure, value: float, bound: float, why: str, kind: str = "") -> Alarm:
    sentence = f"for {figure.judge} the {MEANING[figure.name]} is {_shown(figure, figure.now)}, and {why}"
    return Alarm(judge=figure.judge, figure=figure.name + kind, value=value, bound=bound, sentence=sentence)


def _shown(figure: Figure, sums: Sums) -> str:
    rate = f"{sums.rate:.3g}" if figure.name == "score" else f"{sums.rate:.1%}"
    return f"{rate} of {sums.n:,.0f}"
