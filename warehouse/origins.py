"""Where rows came from: a row keeps the source under which it came first; the others are rows of `other_sources`."""

from __future__ import annotations

from functools import reduce
from operator import or_

import pyarrow as pa
import pyarrow.compute as pc

from schemas.prompts import FACTS, PROMPTS
from schemas.responses import RESPONSES
from schemas.table import Table
from schemas.votes import VOTES
from warehouse.lake import Batch, Lake

KINDS = {PROMPTS.name: "prompt", RESPONSES.name: "response", VOTES.name: "vote"}
"""Tables whose rows have a source, and what a row of them is called."""


def append(lake: Lake, *batches: Batch, run_id: str | None = None) -> list[int]:
    """`Lake.append`, which also notes the source, licence and user of rows that are stored under other ones, and what
    is new about stored prompts.

    Only where not all rows were new are they looked for.
    """
    with lake.transaction():
        return [_insert(lake, table, rows, run_id) for table, rows in batches]


def _insert(lake: Lake, table: Table, rows: pa.Table, run_id: str | None) -> int:
    new = lake.insert(table, rows)
    if new < rows.num_rows and table.name in KINDS:
        lake.ask("note_other_sources", kind=KINDS[table.name], run_id=run_id, came=_origins(table, rows))
        if table is PROMPTS and (brought := with_facts(rows)).num_rows:
            lake.ask("note_facts", brought=brought, run_id=run_id)
    return new


def with_facts(prompts: pa.Table) -> pa.Table:
    """The rows of `prompts` that say more than the text."""
    return prompts.filter(reduce(or_, (pc.field(name).is_valid() for name in FACTS)))


def _origins(table: Table, rows: pa.Table) -> pa.Table:
    """The columns row_id, source, license and user_id of rows; empty where the table lacks them."""
    nulls = pa.nulls(rows.num_rows, pa.string())
    found = {name: rows.column(name) if name in rows.column_names else nulls for name in ("license", "user_id")}
    return pa.table({"row_id": rows.column(table.key[0]), "source": rows.column("source"), **found})
