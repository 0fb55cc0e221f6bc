"""Drops: every row that did not go on, with the reason."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa

from schemas.ids import content_id
from schemas.table import Table, column

DROPS = Table(
    name="drops",
    key=("drop_id",),
    columns=pa.schema(
        [
            column("drop_id", pa.string(), required=True),
            column("stage", pa.string(), required=True),
            column("row_kind", pa.string(), required=True),
            column("row_id", pa.string()),
            column("reason", pa.string(), required=True),
            column("detail", pa.string()),
            column("file", pa.string()),
            column("line", pa.int64()),
            column("run_id", pa.string()),
        ]
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Drop:
    """A row that stopped at `stage` because of `reason`. An import names the file and line instead of a row id."""

    drop_id: str
    stage: str
    row_kind: str
    reason: str
    row_id: str | None = None
    detail: str | None = None
    file: str | None = None
    line: int | None = None
    run_id: str | None = None

    @classmethod
    def of(
        cls,
        stage: str,
        row_kind: str,
        reason: str,
        *,
        row_id: str | None = None,
        detail: str | None = None,
        file: str | None = None,
        line: int | None = None,
        run_id: str | None = None,
    ) -> Drop:
        """A drop named by what was dropped, where and why: the same drop twice is one row.

        Each run drops for itself what is stored, and a line of a file is bad in all of them.
        """
        run = () if row_id is None or run_id is None else (run_id,)
        return cls(
            drop_id=content_id("drop", stage, row_kind, row_id, reason, file, line, *run),
            stage=stage,
            row_kind=row_kind,
            reason=reason,
            row_id=row_id,
            detail=detail,
            file=file,
            line=line,
            run_id=run_id,
        )
