"""Read history again: today's parsers over stored replies, without a call."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import pyarrow as pa

from curation.asking import Group, Subject
from curation.judges import Judge
from curation.rubrics.edits import stored_rubrics
from flows.judging import store_verdicts
from flows.recipe import Recipe
from schemas.calls import Answered
from schemas.errors import ConfigError
from schemas.prompts import Prompt
from schemas.responses import Response
from schemas.scores import Score
from schemas.votes import Vote
from training.progress import shown
from warehouse.lake import Lake

COLUMNS = pa.schema(
    [("judge", pa.string()), ("version", pa.string()), ("change", pa.string()), ("verdicts", pa.int64())]
)
"""What `reparse` returns."""

OTHERS = "asked in other words"
"""The change of replies that are not read."""

BATCH = 10_000
"""Replies that are read together."""


def reparse(lake: Lake, recipe: Recipe) -> pa.Table:
    """Read the replies to the recipe's judges with their present versions, and store the rows under these versions.

    A reply is read where the judge, as the recipe sets it, would ask the same today: what was asked in other words is
    another judge's. Returns how many verdicts are the same as under the version read before, what the others changed
    from and to, and how many replies of the judge and model were asked for in other words.
    """
    if not recipe.judges:
        raise ConfigError("The recipe has no judges; name one whose replies are to be read again.")
    changes: Counter[tuple[str, str, str]] = Counter()
    for judge in recipe.judges:
        earlier = _earlier(lake, judge)
        for rows, others in _readings(lake, judge):
            store_verdicts(lake, rows, ())
            changes.update((judge.title, judge.version, _change(earlier.get(_place(row)), _said(row))) for row in rows)
            changes[judge.title, judge.version, OTHERS] += others
    found = [{"judge": j, "version": v, "change": c, "verdicts": n} for (j, v, c), n in sorted(changes.items()) if n]
    return pa.Table.from_pylist(found, schema=COLUMNS)


def _readings(lake: Lake, judge: Judge) -> Iterator[tuple[Sequence[Score | Vote], int]]:
    """What the judge reads in its stored replies today, a batch at a time, and how many are not its own."""
    calls = lake.ask("judge_calls", purpose=judge.purpose, model=judge.model)
    done = 0
    with shown() as report:
        for batch in calls.to_batches(max_chunksize=BATCH):
            asked = _asked(lake, judge, batch)
            rows = [row for subject, *answered in asked for row in judge.read(subject, Answered(*answered))]
            yield rows, batch.num_rows - len(asked)
            done += batch.num_rows
            report(f"read {judge.name} again", done, calls.num_rows)


def _asked(lake: Lake, judge: Judge, batch: pa.RecordBatch) -> list[tuple[Any, ...]]:
    """Subject and fields of the replies to what the judge would ask today. How a reply is drawn does not matter."""
    columns = [batch.column(name).to_pylist() for name in ("request", *Answered._fields)]
    subjects = [Subject.of_json(text) for text in batch.column("subject").to_pylist()]
    found: list[tuple[Any, ...]] = []
    for subject, group, request, *answered in zip(subjects, _groups(lake, subjects), *columns, strict=True):
        question = judge.question_on(subject, group) if group else None
        if question and json.loads(request)["messages"] == list(question.request.messages):
            found.append((subject, *answered))
    return found


def _groups(lake: Lake, subjects: Sequence[Subject]) -> Iterator[Group | None]:
    """What each subject shows, with the rubric that it is about; None where the lake does not hold it."""
    wanted = pa.table({"response_id": pa.array({one for subject in subjects for one in subject.shown}, pa.string())})
    texts = {
        row["response_id"]: Response(**row) for row in lake.ask("responses_named", responses_in=wanted).to_pylist()
    }
    ids = {subject.prompt_id for subject in subjects}
    asked = pa.table({"prompt_id": pa.array(ids, pa.string())})
    rows = lake.ask("prompts_named", prompts_in=asked, until=None).to_pylist()
    prompts = {row["prompt_id"]: Prompt.of_row(row) for row in rows}
    rubrics = stored_rubrics(lake, ids)
    for subject in subjects:
        if subject.prompt_id not in prompts or not texts.keys() >= {*subject.shown}:
            yield None
            continue
        responses = tuple(texts[one] for one in sorted(subject.shown))
        rubric = rubrics.get(subject.about.rpartition(":")[0])
        yield Group(prompt=prompts[subject.prompt_id], responses=responses, rubric=rubric)


def _earlier(lake: Lake, judge: Judge) -> dict[tuple[str, str, str], str]:
    """What the version before today's made of each place: the last one that is not today's, else today's."""
    rows = lake.ask("earlier_verdicts", judge=judge.title, annotator=judge.annotator, today=judge.version)
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
