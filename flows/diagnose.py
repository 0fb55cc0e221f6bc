"""What became of a policy: figures on held-out prompts, alarms, and one HTML page of its run."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from flows.measure import keep, version_of
from flows.models import looked_up
from flows.policy_page import facts_of, write_page
from flows.policy_plots import ways
from flows.tables import check_format, show
from schemas.base import Strict
from schemas.errors import ConfigError, ModelError
from schemas.prompts import Prompt
from training.answers import Asking, Both, answers_of_both
from training.checkpoint import TrainingRecord, read_record, revision_of
from training.data import Version
from training.evaluate.alarms import Alarm, run_alarms
from training.evaluate.held_out import ALL, Row
from training.evaluate.intervals import Interval
from training.evaluate.sandbox import golds
from training.evaluate.subject import read_subject, rewards_that_fit
from training.outcome import PROXY, Compared, policy_report
from training.progress import Report, shown
from training.resume import HISTORY
from training.rollout import RolloutSettings
from training.rollout.rewards import Component
from warehouse.lake import Lake

GOLD = "sandbox/gold"
"""A judge that knows the truth, in the simulated world."""
TOKENS = 256
"""Of a response, where the run itself sampled none."""


class Wanted(Strict):
    """What to measure a policy with."""

    judges: tuple[str, ...] = ()
    """Reward models that did not reward it: folders, hub names, NAME@V/OBJECTIVE, an ensemble's FILE.json, or GOLD."""
    compare: Path | None = None
    """A recipe whose comparing judges are asked."""
    proxy: str | None = None
    """What rewarded it; None: as its record says."""
    reference: str | None = None
    """Where its training began; None: as its record says."""
    data: str | None = None
    """NAME@V or an export; None: what it was trained on."""
    prompts: int = 128
    samples: int = 4
    max_tokens: int | None = None


def diagnose(warehouse: Path, model: str, wanted: Wanted, output: str, out: Path | None) -> bool:
    """Print the figures, say the alarms, write the page to `out`; whether there was a warehouse to keep them in."""
    check_format(output)
    folder = Path(looked_up(warehouse, model))
    record = read_record(folder)
    if record.kind != "policy":
        raise ConfigError(f"{model} is a reward model: measure it with `prefinery evaluate reward`.")
    version = version_of(warehouse, wanted.data or record.data)
    if wanted.data is None and version.fingerprint != record.fingerprint:
        raise ConfigError(f"{version.label} is not what {model} was trained on; name its export with --data.")
    reference = _reference(warehouse, record, wanted.reference)
    sources = _sources(record, wanted)
    with shown() as report:
        both = answers_of_both(folder, reference, version.split("test"), _asking(record, wanted), report)
        rewards = _rewards(warehouse, both, sources, report)
    wins = _wins(warehouse, wanted.compare, both, version, (f"{folder}", reference)) if wanted.compare else {}
    found = policy_report(both, rewards, wins)
    history, names = _history(folder), _columns(_known(record))
    watched = {column: name for column, (name, weight) in names.items() if not weight}
    alarms = [*found.alarms, *run_alarms(history, watched)]
    for alarm in alarms:
        sys.stderr.write(f"alarm: {alarm.name}: {alarm.says}\n")
    show(figure_table(found.rows), output)
    if out:
        gone = ways(history, {column: name for column, (name, _) in names.items()})
        about = {"facts": facts_of(model, record, folder, reference), "record": record}
        judged = bool(wins or rewards.keys() - {PROXY})
        write_page(out, both, found, alarms=alarms, history=history, gone=gone, rewards=rewards, judged=judged, **about)
    data = f"{version.label} test, {len(both.prompts)} prompts of {both.samples} samples"
    return keep(warehouse, model, folder, data, _rows(found.rows, alarms))


def figure_table(rows: Sequence[Compared]) -> pa.Table:
    """One row a figure; what it does not have is null."""
    cells = [
        {"metric": row.metric, **_ends("", row.policy), **_ends("reference", row.reference), **_ends("gain", row.gain)}
        | {"n": row.policy.n}
        for row in rows
    ]
    names = [f"{of}{end}" for of in ("", "reference", "gain") for end in (("value" if not of else ""), "_low", "_high")]
    names = [name.removeprefix("_") for name in names]
    columns = [("metric", pa.string()), *((name, pa.float64()) for name in names), ("n", pa.int64())]
    return pa.Table.from_pylist(cells, schema=pa.schema(columns))


def _ends(of: str, interval: Interval | None) -> dict[str, float]:
    if interval is None:
        return {}
    found = {of or "value": interval.value, f"{of}_low": interval.low, f"{of}_high": interval.high}
    return {name.removeprefix("_"): value for name, value in found.items() if not np.isnan(value)}


def _rows(rows: Sequence[Compared], alarms: Sequence[Alarm]) -> list[Row]:
    """As they are kept: the policy's own under the figure's name."""
    found = [
        Row(ALL, f"{row.metric}{of}", interval)
        for row in rows
        for of, interval in {"": row.policy, ", reference": row.reference, ", gain": row.gain}.items()
        if interval is not None and not np.isnan(interval.value)
    ]
    return [*found, Row(ALL, "alarms", Interval(len(alarms), np.nan, np.nan, rows[0].policy.n))]


def _reference(warehouse: Path, record: TrainingRecord, name: str | None) -> str:
    """Where the training began, if it is still there and the same."""
    if name is not None:
        return looked_up(warehouse, name)
    try:
        same = revision_of(record.base) == record.base_revision
    except ModelError as error:
        raise ConfigError(f"Its training began at {record.base}, which is gone; name it with --reference.") from error
    if not same:
        raise ConfigError(f"{record.base} has changed since the training; name a copy with --reference.")
    return record.base


def _known(record: TrainingRecord) -> Sequence[Component]:
    """What rewarded the policy, or with weight 0 only watched it, as it learned; nothing of a run on pairs."""
    rollout = record.settings.get("rollout")
    return RolloutSettings.model_validate(rollout).rewards if rollout else ()


def _sources(record: TrainingRecord, wanted: Wanted) -> list[Component]:
    """What rewards held-out responses; judges have weight 0."""
    sources = [Component(source=wanted.proxy)] if wanted.proxy else [*_known(record)]
    judges = [str(Path(name).resolve()) if Path(name).exists() else name for name in wanted.judges]
    watching = {one.source for one in sources if not one.weight}
    return [*sources, *(Component(source=name, weight=0.0) for name in judges if name not in watching)]


def _asking(record: TrainingRecord, wanted: Wanted) -> Asking:
    """As the run sampled, if it did."""
    rollout = record.settings.get("rollout") or {}
    length = int(record.settings["max_length"])
    most = wanted.max_tokens or rollout.get("max_tokens") or min(TOKENS, length // 2)
    heat = record.objective.get("temperature", 1.0)
    sizes = {"prompts": wanted.prompts, "samples": wanted.samples, "max_tokens": most, "max_length": length}
    return Asking(temperature=heat, seed=int(record.settings["fit"]["seed"]), **sizes)


def _rewards(
    warehouse: Path, both: Both, sources: Sequence[Component], report: Report
) -> dict[str, NDArray[np.float64]]:
    """[2, N] by who rewards, the policy's and the reference's: what trained it as one, and each that did not."""
    found: dict[str, NDArray[np.float64]] = {}
    for name, one in _named(sources):
        try:
            rewards = _rewarded(warehouse, both, one.source, report)
        except ModelError as error:
            raise ConfigError(f"{error} What rewarded the policy can be named with --proxy.") from error
        if one.weight:
            found[PROXY] = found.get(PROXY, 0.0) + one.weight * rewards
        else:
            found[name] = rewards
    return found


def _rewarded(warehouse: Path, both: Both, name: str, report: Report) -> NDArray[np.float64]:
    if name == GOLD:
        return _golds(both).reshape(2, -1)
    subject = read_subject(name)
    subject = looked_up(warehouse, subject) if isinstance(subject, str) else subject
    found = rewards_that_fit(subject, both.items, progress=partial(report, f"reward by {name}"))
    return found.astype(np.float64).reshape(2, -1)


def _golds(both: Both) -> NDArray[np.float64]:
    asked, texts = zip(*both.items, strict=True)
    try:
        return golds([messages[-1]["content"] for messages in asked], texts)
    except ValueError as error:
        raise ConfigError(f"{GOLD} judges answers to the sandbox's own prompts alone; name another judge.") from error


def _wins(
    warehouse: Path, recipe: Path, both: Both, version: Version, names: tuple[str, str]
) -> dict[str, NDArray[np.float64]]:
    """[P] by pairwise judge, of the first response to each prompt."""
    from flows.compare import wins_by_judge
    from flows.recipe import load

    prompts = [
        Prompt(prompt_id=one.prompt_id, source=version.label, messages=tuple(one.messages)) for one in both.prompts
    ]
    first = zip(both.policy.texts[:: both.samples], both.reference.texts[:: both.samples], strict=True)
    with Lake.open(warehouse) as lake:
        return wins_by_judge(lake, load(recipe), prompts, list(first), names)


def _history(folder: Path) -> list[dict[str, float]]:
    path = folder / HISTORY
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] if path.is_file() else []


def _named(sources: Sequence[Component]) -> list[tuple[str, Component]]:
    """Each under the last part of its source; the whole where others end alike."""
    ends = [Path(one.source).name for one in sources]
    return [(one.source if ends.count(end) > 1 else end, one) for one, end in zip(sources, ends, strict=True)]


def _columns(sources: Sequence[Component]) -> dict[str, tuple[str, float]]:
    """Columns of a run's history that hold rewards, each with its name and weight."""
    names = {f"reward_{place}": (name, one.weight) for place, (name, one) in enumerate(_named(sources))}
    rewarding = [column for column, (_, weight) in names.items() if weight]
    # A source that rewards alone is the reward.
    return {"reward": (PROXY, 1.0)} | {column: names[column] for column in names if [column] != rewarding}
