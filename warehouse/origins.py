"""Where rows came from: a row keeps the source under which it came first; the others are rows of `other_sources`."""

# pyarrow.compute makes its functions when it is imported.
# pyright: reportAttributeAccessIssue=false

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import reduce
from operator import or_

import pyarrow as pa
import pyarrow.compute as pc

from schemas.prompts import FACTS, PROMPTS
from schemas.responses import RESPONSES
from schemas.table import Table
from schemas.votes import VOTES
from warehouse.hashes import Hashes, row_hashes
from warehouse.lake import Batch, Lake

KINDS = {PROMPTS.name: "prompt", RESPONSES.name: "response", VOTES.name: "vote"}
"""Tables whose rows have a source, and what a row of them is called."""

BELONGING = {RESPONSES.name, VOTES.name}
"""Tables whose rows belong to a prompt."""

MOST_PROMPTS = 16_000_000
"""Stored prompts that an import remembers, at 8 bytes each; of more it searches all that are stored."""

NO_PROMPTS = pa.chunked_array([], pa.string())


class Arrivals:
    """Appends rows, a commit at a time; a row keeps the source under which it came first.

    From its second commit on it remembers which prompts are stored. What belongs to a new prompt is new too, and is not
    searched for among all that is stored. That holds for all prompts but strays: those that are not stored, though
    responses to them are, such as the ones of a benchmark.
    """

    def __init__(self, lake: Lake, *, run_id: str | None = None) -> None:
        self._lake, self._run_id = lake, run_id
        self._last: int | None = None
        """Snapshot of the last commit."""
        self._prompts: Hashes | None = None
        self._strays: pa.ChunkedArray | None = None
        """Both as of that commit; None where nobody looked."""

    def append(self, *batches: Batch) -> list[int]:
        """`Lake.append` of one batch a table, prompts before what belongs to them.

        The source, licence and user of rows that are stored under other ones are noted, and what is new about stored
        prompts. Only where not all rows were new are they looked for.
        """
        if len({table.name for table, _ in batches}) < len(batches):
            raise ValueError("A table has two batches; give them as one, so that equal rows are found among them.")
        with self._lake.lock:
            with self._lake.transaction():
                self._look_around()
                counts = list(self._insert_all(batches))
            self._last = self._lake.snapshot()
        return counts

    def _look_around(self) -> None:
        """Learn what is stored: not at a first commit, which may be the only one, nor after one of somebody else."""
        if self._lake.snapshot() != self._last:
            self._prompts = self._strays = None
            return
        if self._prompts is None:
            self._prompts = self._stored_prompts()
        if self._strays is None:
            self._strays = self._lake.ask("strays").column("prompt_id")

    def _stored_prompts(self) -> Hashes | None:
        """None where there are too many to remember."""
        if self._lake.ask("prompt_count").column("n")[0].as_py() > MOST_PROMPTS:
            return None
        hashes = Hashes()
        for batch in self._lake.stream("prompt_ids"):
            hashes.add(row_hashes(pa.chunked_array([batch.column("prompt_id")])))
        return hashes

    def _insert_all(self, batches: Sequence[Batch]) -> Iterator[int]:
        came = fresh = NO_PROMPTS
        for table, rows in batches:
            new = None
            if table is PROMPTS:
                new = self._not_stored(rows.column("prompt_id"))
            elif table.name in BELONGING:
                prompt_ids = rows.column("prompt_id")
                new = pc.is_in(prompt_ids, fresh)
                if not _all_in(prompt_ids.filter(pc.invert(new)), came):
                    self._strays = None  # there may be more of them now
            inserted = self._lake.insert(table, rows, new=new)
            if table is PROMPTS:
                came, fresh = rows.column("prompt_id"), self._without_strays(inserted.column("prompt_id"))
                self._remember(inserted.column("prompt_id"))
            if inserted.num_rows < rows.num_rows:
                self._note(table, rows)
            yield inserted.num_rows

    def _not_stored(self, prompt_ids: pa.ChunkedArray) -> pa.ChunkedArray | None:
        """Which of these are surely not stored; None where nobody knows."""
        if self._prompts is None:
            return None
        return pa.chunked_array([~self._prompts.among(row_hashes(prompt_ids))])

    def _remember(self, prompt_ids: pa.ChunkedArray) -> None:
        if self._prompts is None:
            return
        self._prompts.add(row_hashes(prompt_ids))
        if len(self._prompts) > MOST_PROMPTS:
            self._prompts = None

    def _without_strays(self, prompt_ids: pa.ChunkedArray) -> pa.ChunkedArray:
        if self._strays is None:
            return NO_PROMPTS
        return prompt_ids.filter(pc.invert(pc.is_in(prompt_ids, self._strays)))

    def _note(self, table: Table, rows: pa.Table) -> None:
        """Note what rows say, some of which were stored before."""
        if table.name not in KINDS:
            return
        self._lake.ask("note_other_sources", kind=KINDS[table.name], run_id=self._run_id, came=_origins(table, rows))
        if table is PROMPTS and (brought := with_facts(rows)).num_rows:
            self._lake.ask("note_facts", brought=brought, run_id=self._run_id)


def _all_in(ids: pa.ChunkedArray, known: pa.ChunkedArray) -> bool:
    return pc.all(pc.is_in(ids, known), min_count=0).as_py()


def with_facts(prompts: pa.Table) -> pa.Table:
    """The rows of `prompts` that say more than the text."""
    return prompts.filter(reduce(or_, (pc.field(name).is_valid() for name in FACTS)))


def _origins(table: Table, rows: pa.Table) -> pa.Table:
    """The columns row_id, source, license and user_id of rows; empty where the table lacks them."""
    nulls = pa.nulls(rows.num_rows, pa.string())
    found = {name: rows.column(name) if name in rows.column_names else nulls for name in ("license", "user_id")}
    return pa.table({"row_id": rows.column(table.key[0]), "source": rows.column("source"), **found})
