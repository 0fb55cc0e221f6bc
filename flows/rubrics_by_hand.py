"""Rubrics in people's hands: import those of a file, show what is stored, change single items."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import cast

import pyarrow as pa

from curation.asking import conversation
from curation.rubrics.by_hand import read_rubrics, rubrics_of, sound_items
from curation.rubrics.edits import Change, edit, in_force, stored_rubrics
from curation.rubrics.known import prompts_in
from schemas.errors import ConfigError, InputError
from schemas.prompts import Prompt
from schemas.rubrics import KINDS, RUBRIC_ITEMS, RUBRICS, Kind, Rubric, RubricItem
from warehouse.lake import Lake

COUNTS = pa.schema([("what", pa.string()), ("rows", pa.int64())])
LISTED = pa.schema(
    [
        *((name, pa.string()) for name in ("rubric_id", "state")),
        ("items", pa.int64()),
        *((name, pa.string()) for name in ("writer", "replaces")),
        ("agreement", pa.float64()),
        *((name, pa.string()) for name in ("reason", "prompt_id", "prompt")),
    ]
)
ITEMS = pa.schema(
    [
        ("rubric_id", pa.string()),
        ("state", pa.string()),
        ("number", pa.int64()),
        ("kind", pa.string()),
        ("weight", pa.float64()),
        ("text", pa.string()),
    ]
)


def import_rubrics(lake: Lake, path: Path, by: str) -> pa.Table:
    """Store the rubrics of a file, all or none; each is the newest of its prompt, unless it was stored before.

    Returns how many there are and how many are new. Raises InputError at the first fault.
    """
    written = read_rubrics(path)
    prompts = _by_id(lake.ask("prompts_named", prompts_in=prompts_in(one.about for one in written), until=None))
    rubrics = rubrics_of(written, prompts, by)
    items = [item for rubric in rubrics for item in rubric.item_rows()]
    new, _ = lake.append((RUBRICS, RUBRICS.rows(rubrics)), (RUBRIC_ITEMS, RUBRIC_ITEMS.rows(items)))
    counts = {"rubrics read": len(rubrics), "new rubrics": new}
    return pa.Table.from_pylist([{"what": what, "rows": rows} for what, rows in counts.items()], schema=COUNTS)


def list_rubrics(lake: Lake, wanted: str | None) -> pa.Table:
    """A row a rubric, the oldest first; of one rubric, or of those of one prompt, a row an item."""
    prompts = _prompts(lake, wanted)
    stored = stored_rubrics(lake, prompts)
    states = _states(stored)
    if wanted is None:
        rows = [_row(one, states, prompts) for one in stored.values()]
        return pa.Table.from_pylist(rows, schema=LISTED)
    shown = [one for one in stored.values() if wanted in (one.rubric_id, one.prompt_id)]
    rows = [row | {"state": states[one.rubric_id]} for one in shown for row in one.item_rows()]
    return pa.Table.from_pylist(rows, schema=ITEMS)


def edit_rubric(lake: Lake, rubric_id: str, change: Change, by: str) -> Rubric:
    """Store the rubric with changed items, which replaces the old one. Raises InputError where it cannot be."""
    prompts = _prompts(lake, rubric_id)
    stored = stored_rubrics(lake, prompts)
    if rubric_id not in stored:
        raise InputError(f"{rubric_id} is a prompt; name one of its rubrics: {', '.join(stored)}.")
    rubric = stored[rubric_id]
    return edit(lake, rubric, sound_items(change.applied(rubric.items), prompts[rubric.prompt_id]), by)


def change_of(add: Sequence[str], reword: Sequence[str], weigh: Sequence[str], drop: Sequence[int]) -> Change:
    """The change that options of the command write as KIND:TEXT, NUMBER=TEXT and NUMBER=WEIGHT."""
    change = Change(
        add=tuple(_item(text) for text in add),
        reword=dict(_numbered("--reword", text) for text in reword),
        weigh={number: _weight(text) for number, text in (_numbered("--weigh", text) for text in weigh)},
        drop=frozenset(drop),
    )
    if change == Change():
        raise ConfigError("Nothing is changed; give --add, --reword, --weigh or --drop.")
    return change


def _item(text: str) -> RubricItem:
    kind, colon, rest = text.partition(":")
    if kind not in KINDS or not colon:
        raise ConfigError(f"--add {text}: write hard:TEXT or principle:TEXT.")
    return RubricItem(kind=cast(Kind, kind), text=rest.strip())


def _numbered(option: str, text: str) -> tuple[int, str]:
    number, equals, rest = text.partition("=")
    if not number.isdecimal() or not equals:
        raise ConfigError(f"{option} {text}: write the number of an item, = and what it becomes.")
    return int(number), rest


def _weight(text: str) -> float:
    try:
        weight = float(text)
    except ValueError:
        weight = 0.0
    if not 0 < weight < float("inf"):
        raise ConfigError(f"--weigh: {text} is no weight; write a number above 0.")
    return weight


def _prompts(lake: Lake, wanted: str | None) -> dict[str, Prompt]:
    """The prompts that have rubrics: all, or that of an id."""
    found = _by_id(lake.ask("rubric_prompts", id=wanted))
    if wanted and not found:
        raise InputError(f"The warehouse has no rubric {wanted}, and no prompt of this id has one; see: rubrics show")
    return found


def _by_id(rows: pa.Table) -> dict[str, Prompt]:
    return {row["prompt_id"]: Prompt.of_row(row) for row in rows.to_pylist()}


def _states(stored: Mapping[str, Rubric]) -> dict[str, str]:
    """What became of each rubric."""
    used = {one.rubric_id for one in in_force(stored).values()}
    replaced = {one.parent_id for one in stored.values()}

    def state(rubric: Rubric) -> str:
        if rubric.rubric_id in used:
            return "in force"
        if rubric.rubric_id in replaced:
            return "replaced"
        return "older" if rubric.accepted else "rejected"

    return {rubric_id: state(rubric) for rubric_id, rubric in stored.items()}


def _row(rubric: Rubric, states: Mapping[str, str], prompts: Mapping[str, Prompt]) -> dict[str, object]:
    return {
        "rubric_id": rubric.rubric_id,
        "state": states[rubric.rubric_id],
        "items": len(rubric.items),
        "writer": rubric.writer,
        "replaces": rubric.parent_id,
        "agreement": rubric.agreement,
        "reason": rubric.reason,
        "prompt_id": rubric.prompt_id,
        "prompt": conversation(prompts[rubric.prompt_id].messages),
    }
