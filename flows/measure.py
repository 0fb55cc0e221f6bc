"""Measure reward models: on held-out pairs, or by a benchmark. Figures are rows of `evaluations`, named by content."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict
from functools import partial
from hashlib import blake2b
from pathlib import Path

import numpy as np
import pyarrow as pa

from curation.folders import record_files
from curation.readers import SUFFIXES, read_records
from curation.records import BadRow
from flows.figures import Figure
from flows.models import looked_up, model_path
from flows.tables import check_format, show
from schemas.datasets import MANIFEST
from schemas.ids import ID_BYTES
from schemas.models import EVALUATIONS
from training.data import Version, read_version
from training.evaluate.benchmarks import BENCHMARKS, Record
from training.evaluate.generalisation import generalisation
from training.evaluate.held_out import ALL, RewardReport, Row, evaluate_reward, held_out, rewards_of_pairs
from training.evaluate.implicit_reward import Implicit
from training.evaluate.mismatch import checkpoint_report, metrics_of
from training.evaluate.subject import Subject, opened, read_subject, rewards_that_fit, subject_revision
from training.progress import shown
from warehouse.export import export
from warehouse.lake import Lake
from warehouse.place import Place
from warehouse.versions import find_version

DIGITS = 8
"""Of the digest behind the name of a model or a file."""

SLICES = ("accuracy", "low", "high", "half_tie_accuracy", "nll", "brier", "ece")
"""Columns of the table of slices; `low` and `high` are those of the accuracy."""


def measure_reward(
    warehouse: Path, model: str, data: str, max_length: int | None, output: str, reference: str | None = None
) -> bool:
    """Print the report on a version's held-out pairs; whether there was a warehouse to keep it in."""
    check_format(output)
    version, subject = version_of(warehouse, data), subject_of(model, reference, place=partial(looked_up, warehouse))
    with shown() as report:
        found = evaluate_reward(subject, version, max_length=max_length, report=report)
    rows = list(found.rows())
    if output == "table":
        show(slice_table(found), output)
        whole = [Row(ALL, metric, interval) for metric, interval in found.whole.items()]
        show(figure_table(whole).drop_columns("slice"), output)
    else:
        show(figure_table(rows), output)
    return keep(warehouse, model, subject, f"{version.label} test{_limit(max_length)}", rows)


def measure_generalisation(
    warehouse: Path, model: str, policy: str, reference: str, data: Sequence[str], output: str
) -> bool:
    """Print both models' accuracy on each version's held-out pairs; whether there was a warehouse to keep it in."""
    check_format(output)
    place = partial(looked_up, warehouse)
    subject = subject_of(model, place=place)
    explicit, implicit = opened(subject), opened(subject_of(policy, reference, place=place))
    cells, kept = [], False
    with shown() as report:
        for done, name in enumerate(data):
            report("compare", done, len(data))
            version = version_of(warehouse, name)
            pairs = held_out(version)
            # A label below one half says that the rejected side is better; one half says nothing.
            label = np.sign(pairs.column("soft_label").to_numpy() - 0.5)
            pairs, label = pairs.filter(pa.array(label != 0)), label[label != 0]
            sides = (label * rewards_of_pairs(one, pairs) for one in (explicit, implicit))
            found = generalisation(*sides, prompts=pairs.column("prompt_id").to_pylist())
            cells += [
                Row(version.label, "explicit", found.explicit.half_tie),
                Row(version.label, "implicit", found.implicit.half_tie),
                Row(version.label, "advantage", found.advantage),
            ]
            advantage = Row(ALL, f"advantage over {policy}", found.advantage)
            kept = keep(warehouse, model, subject, f"{version.label} test", [advantage])
    show(figure_table(cells).rename_columns({"slice": "version"}), output)
    return kept


def measure_benchmark(
    warehouse: Path, name: str, model: str, paths: Sequence[Path], max_length: int | None, output: str
) -> bool:
    """Print the figures of a benchmark's files; whether there was a warehouse to keep them in."""
    check_format(output)
    benchmark, files = BENCHMARKS.build(name), record_files(paths, SUFFIXES)
    subject = subject_of(model, place=partial(looked_up, warehouse))
    with shown() as report:
        score = partial(rewards_that_fit, subject, max_length=max_length, progress=partial(report, name))
        figures = benchmark.run(records_of(files), score)
    rows = [Row(ALL, metric, interval) for metric, interval in figures.items()]
    show(figure_table(rows).drop_columns("slice"), output)
    return keep(warehouse, model, subject, f"{name} {digest_of(files)}{_limit(max_length)}", rows)


def measure_checkpoints(path: Path, proxy: str, gold: str, output: str) -> None:
    """Print how the figures of checkpoints move together."""
    check_format(output)
    records = [record for record in records_of(record_files([path], SUFFIXES)) if record is not None]
    figures = checkpoint_report(metrics_of(records), proxy, gold)
    show(figure_table(Row(ALL, metric, found) for metric, found in figures.items()).drop_columns("slice"), output)


def version_of(warehouse: Path, data: str) -> Version:
    """An exported folder, or the version NAME@V of the warehouse."""
    if (Path(data) / MANIFEST).is_file():
        return read_version(data)
    with Lake.open(warehouse) as lake:
        found = find_version(lake, data)
        return read_version(export(lake, found, lake.folder / "exports" / found.label))


def subject_of(model: str, reference: str | None = None, *, place: Callable[[str], str] = model_path) -> Subject:
    """What a name on the command line means: with a `reference`, a policy's implicit reward. `place` finds models."""
    if reference is not None:
        return Implicit(policy=place(model), reference=place(reference))
    subject = read_subject(model)
    return place(subject) if isinstance(subject, str) else subject


def records_of(files: Iterable[Path]) -> Iterable[Record | None]:
    """The records of files in order; None where one cannot be read."""
    for path in files:
        for _, record in read_records(path):
            yield None if isinstance(record, BadRow) else record


def digest_of(files: Iterable[Path]) -> str:
    """Digest of the bytes of files."""
    digest = blake2b(digest_size=ID_BYTES)
    for path in files:
        digest.update(path.read_bytes())
    return digest.hexdigest()[:DIGITS]


def keep(warehouse: Path, model: str, subject: Subject, data: str, rows: Iterable[Row]) -> bool:
    """Append figures of a model to `evaluations`, if there is a warehouse."""
    return kept_figures(warehouse, f"{model}@{subject_revision(subject)[:DIGITS]}", data, rows)


def kept_figures(warehouse: Path, name: str, data: str, rows: Iterable[Row]) -> bool:
    """Append figures of what has this name to `evaluations`, if there is a warehouse."""
    if not Place.of(warehouse).exists:
        return False
    figures = [
        Figure.of(name, row.metric if row.slice == ALL else f"{row.metric}, {row.slice}", data, row.found)
        for row in rows
    ]
    with Lake.open(warehouse) as lake:
        lake.append((EVALUATIONS, EVALUATIONS.rows([asdict(figure) | {"run_id": None} for figure in figures])))
    return True


def slice_table(found: RewardReport) -> pa.Table:
    """One row a slice, for people."""
    rows = []
    for name, one in found.slices.items():
        cells = {metric: interval.value for metric, interval in one.intervals.items()}
        cells |= {"low": one.accuracy.low, "high": one.accuracy.high}
        rounded = {column: round(cells[column], 3) for column in SLICES}
        rows.append({"pairs": name, "n": one.n, "ties": one.ties, **rounded})
    return pa.Table.from_pylist(rows)


def figure_table(rows: Iterable[Row]) -> pa.Table:
    """One row a figure; no interval is null."""
    columns = pa.schema(
        [(name, pa.string()) for name in ("slice", "metric")]
        + [(name, pa.float64()) for name in ("value", "low", "high")]
        + [("n", pa.int64())]
    )
    cells = [{"slice": row.slice, "metric": row.metric, "n": row.found.n, **_known(row)} for row in rows]
    return pa.Table.from_pylist(cells, schema=columns)


def _limit(max_length: int | None) -> str:
    """What a limit adds to the name of the data: with another one, other rows have figures."""
    return f", at most {max_length} tokens" if max_length else ""


def _known(row: Row) -> dict[str, float]:
    found = {"value": row.found.value, "low": row.found.low, "high": row.found.high}
    return {name: value for name, value in found.items() if not np.isnan(value)}
