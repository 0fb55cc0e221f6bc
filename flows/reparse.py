"""Read history again: today's parsers over stored replies, without a call."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

import pyarrow as pa

from curation.asking import Subject
from curation.judges import Judge
from flows.judging import store_verdicts
from flows.recipe import Recipe
from schemas.calls import Answered
from schemas.errors import ConfigError
from schemas.scores import Score
from schemas.votes import Vote
from training.progress import shown
from warehouse.lake import Lake

COLUMNS = pa.schema(
    [("judge", pa.string()), ("version", pa.string()), ("change", pa.string()), ("verdicts", pa.int64())]
)
"""What `reparse` returns."""


def reparse(lake: Lake, recipe: Recipe) -> pa.Table:
    """Read all replies to the recipe's judges with their present versions, and store the rows under these versions.

    Returns how many verdicts are the same as under the version read before, and what the others changed from and to.
    """
    if not recipe.judges:
        raise ConfigError("The recipe has no judges; name one whose replies are to be read again.")
    changes: Counter[tuple[str, str, str]] = Counter()
    for judge in recipe.judges:
        earlier = _earlier(lake, judge)
        for rows in _readings(lake, judge):
            store_verdicts(lake, rows, ())
            changes.update((judge.name, judge.version, _change(earlier.get(_place(row)), _said(row))) for row in rows)
    found = [{"judge": j, "version": v, "change": c, "verdicts": n} for (j, v, c), n in sorted(changes.items())]
    return pa.Table.from_pylist(found, schema=COLUMNS)


def _readings(lake: Lake, judge: Judge) -> Iterator[Sequence[Score | Vote]]:
    """What the judge reads in its stored replies today, a batch at a time."""
    calls = lake.ask("judge_calls", purpose=f"judge:{judge.name}", model=judge.model)
    done = 0
    with shown() as report:
        for batch in calls.to_batches(max_chunksize=10_000):
            rows: list[Score | Vote] = []
            subjects = batch.column("subject").to_pylist()
            columns = [batch.column(name).to_pylist() for name in Answered._fields]
            for subject, *answered in zip(subjects, *columns, strict=True):
                rows.extend(judge.read(Subject.of_json(subject), Answered(*answered)))
            yield rows
            done += batch.num_rows
            report(f"read {judge.name} again", done, calls.num_rows)


def _earlier(lake: Lake, judge: Judge) -> dict[tuple[str, str, str], str]:
    """What the version before today's made of each place: the last one that is not today's, else today's."""
    rows = lake.ask("earlier_verdicts", judge=judge.name, annotator=f"{judge.name}:{judge.model}", today=judge.version)
    return {(row["call_id"], row["response"], row["aspect"]): row["said"] for row in rows.to_pylist()}


def _place(row: Score | Vote) -> tuple[str, str, str]:
    if isinstance(row, Score):
        return row.call_id, row.response_id, row.aspect
    return row.call_id or "", row.shown_first, "vote"


def _said(row: Score | Vote) -> str:
    if row.failure:
        return row.failure
    if isinstance(row, Vote):
        return str(row.verdict)
    return "not applicable" if row.value is None else f"{row.value:g}"


def _change(before: str | None, now: str) -> str:
    if before is None:
        return "first reading"
    return "same" if before == now else f"{before} -> {now}"
