"""Diffs, lineage and withdrawals for people: fewer columns and short ids; programs get all of them."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pyarrow as pa

from flows.server import use_server_of
from schemas.errors import InputError
from warehouse.lake import Lake
from warehouse.trace import Withdrawal, drop_source

ROWS = 100
"""Rows of a table for people."""
ID_CHARS = 8
"""Characters of a short id; `prefinery lineage` takes it too."""
TEXT_CHARS = 48


def cut(rows: pa.Table, output: str, limit: int | None) -> pa.Table:
    """The first rows: `limit` of them, or ROWS of a table; says on standard error how many are left out."""
    most = limit or (ROWS if output == "table" else rows.num_rows)
    if rows.num_rows > most:
        sys.stderr.write(f"{most:,} of {rows.num_rows:,} rows; see more with --limit, or all with --format csv.\n")
    return rows.slice(0, most)


def changes_for_people(rows: pa.Table) -> pa.Table:
    """What became of which pair, and why; `was` where another pair stood before."""
    pairs, before = _short(rows, "pair_id"), _short(rows, "pair_id_was")
    was = [None if old == new else old for old, new in zip(before, pairs, strict=True)]
    columns = {"change": rows["change"], "pair": pa.array(pairs, pa.string()), "was": pa.array(was, pa.string())}
    return pa.table({**columns, "cause": rows["cause"]})


def steps_for_people(rows: pa.Table) -> pa.Table:
    """What a pair came from, the raw replies and the names of calls left out."""
    texts = [text and (text if len(text) <= TEXT_CHARS else f"{text[:TEXT_CHARS]}…") for text in _texts(rows, "what")]
    columns = {"id": pa.array(_short(rows, "id"), pa.string()), "what": pa.array(texts, pa.string())}
    shown = ("step", "side", "id", "made_by", "source", "what", "cost_usd")
    return pa.table({name: columns.get(name, rows[name]) for name in shown})


def _short(rows: pa.Table, name: str) -> list[str | None]:
    return [text and text[:ID_CHARS] for text in _texts(rows, name)]


def _texts(rows: pa.Table, name: str) -> list[str | None]:
    return rows.column(name).to_pylist()


def withdraw(warehouse: Path, source: str) -> pa.Table:
    """Publish and announce the clean successors; a row a version that held the source, with its dataset's successor.

    Raises InputError when a dataset has nothing else: it gets no successor. The others have theirs.
    """
    with Lake.open(warehouse) as lake:
        done = drop_source(lake, source)
    _announce(warehouse, done)
    for version in done.successors:
        sys.stderr.write(f"{version.label}: {version.n_pairs:,} pairs, {version.n_removed:,} removed\n")
    if done.emptied:
        labels = ", ".join(version.label for version in done.emptied)
        raise InputError(
            f"{labels} holds nothing but {source!r}: no successor is published; train nothing on it, and "
            "publish a version from other sources."
        )
    after = {version.dataset: version.label for version in done.successors}
    labels = [after.get(name) for name in done.exposed.column("dataset").to_pylist()]
    return done.exposed.append_column("successor", pa.array(labels, pa.string()))


def _announce(warehouse: Path, done: Withdrawal) -> None:
    """Wake what waits for new versions. Without a server nobody waits, and the next one looks for itself."""
    use_server_of(warehouse)
    if done.successors and "PREFECT_API_URL" in os.environ:
        from flows.events import announce

        for version in done.successors:
            announce(version, str(warehouse))
