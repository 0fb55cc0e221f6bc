"""Reclaim what no published version needs: list it, ask, remove."""

from __future__ import annotations

from contextlib import nullcontext
from datetime import timedelta
from pathlib import Path

import pyarrow as pa
import typer

from flows.tables import check_format, show
from schemas.errors import ConfigError
from warehouse.collect import Garbage, collect, garbage
from warehouse.lake import Lake

COLUMNS = pa.schema([("what", pa.string()), ("name", pa.string())])


def reclaim(warehouse: Path, grace: timedelta, *, yes: bool, dry_run: bool, output: str) -> None:
    """List the garbage of a warehouse, and remove it after a yes.

    Raises ConfigError when there is nobody to ask.
    """
    check_format(output)
    with Lake.open(warehouse) as lake, lake.lock if yes else nullcontext():
        found = garbage(lake, grace)
        _show(found, output)
        if found and not dry_run and (yes or _agreed()):
            collect(lake, found)


def _agreed() -> bool:
    try:
        return typer.confirm("Remove them?", err=True)
    except typer.Abort as error:
        raise ConfigError("Nothing is removed without a yes; add --yes, or --dry-run to list only.") from error


def _show(found: Garbage, output: str) -> None:
    kinds = {"snapshot": found.snapshots, "replaced file": found.replaced, "orphan": found.orphans}
    if output != "table":
        rows = [{"what": kind, "name": str(name)} for kind, names in kinds.items() for name in names]
        show(pa.Table.from_pylist(rows, schema=COLUMNS), output)
        return
    for path in (*found.replaced, *found.orphans):
        typer.echo(path)
    typer.echo(
        f"{len(found.snapshots):,} snapshots of no version, {len(found.replaced):,} replaced files and "
        f"{len(found.orphans):,} orphans, {found.n_bytes / 1e6:,.1f} MB"
    )
