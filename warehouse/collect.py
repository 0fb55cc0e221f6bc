"""Compaction and garbage collection: fewer, larger files, and nothing that no published version needs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal

from schemas.errors import WarehouseError
from warehouse.digests import seal, unlike
from warehouse.lake import Lake
from warehouse.versions import versions

GRACE = timedelta(hours=1)
"""What a reader may still be reading: nothing that was needed so recently is reclaimed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Garbage:
    """What nothing needs: snapshots of no version, files that a compaction replaced, files of killed writers."""

    snapshots: tuple[int, ...]
    replaced: tuple[str, ...]
    orphans: tuple[str, ...]

    def __bool__(self) -> bool:
        return bool(self.snapshots or self.replaced or self.orphans)

    @property
    def n_bytes(self) -> int:
        """Size of the local files."""
        return sum(path.stat().st_size for path in map(Path, self.replaced + self.orphans) if path.exists())


def compact(lake: Lake) -> tuple[int, int]:
    """Merge small data files; return how many there were and are. Every version reads the same rows as before.

    Raises WarehouseError when a file is damaged: a merge would hide it.
    """
    with lake.lock:
        for damage in unlike(lake):
            raise WarehouseError(f"{damage.file}: {damage.what}; restore it from a backup before compacting.")
        before = _count(lake)
        lake.con.execute("call ducklake_merge_adjacent_files('lake')")
        seal(lake)
        return before, _count(lake)


def garbage(lake: Lake, grace: timedelta = GRACE) -> Garbage:
    """What `collect` would reclaim now."""
    with lake.lock:
        return Garbage(
            snapshots=tuple(_idle_snapshots(lake, grace)),
            replaced=tuple(_files(lake, "cleanup_old_files")) if _rested(lake, grace) else (),
            orphans=tuple(_files(lake, "delete_orphaned_files")),
        )


def collect(lake: Lake, found: Garbage) -> None:
    """Reclaim garbage. Writers wait meanwhile: a file without an owner is an orphan, not somebody's next commit."""
    with lake.lock:
        if found.snapshots:
            listed = ", ".join(f"{snapshot:d}" for snapshot in found.snapshots)
            lake.con.execute(f"call ducklake_expire_snapshots('lake', versions => [{listed}])")
        if found.replaced:
            lake.con.execute("call ducklake_cleanup_old_files('lake', cleanup_all => true)")
        if found.orphans:
            lake.con.execute("call ducklake_delete_orphaned_files('lake', cleanup_all => true)")


def _idle_snapshots(lake: Lake, grace: timedelta) -> Iterator[int]:
    """Snapshots that no version names, except the newest and the recent ones."""
    needed = {version.snapshot for version in versions(lake)} | {lake.snapshot()}
    before = datetime.now(UTC) - grace
    known = lake.con.execute("select snapshot_id, snapshot_time from ducklake_snapshots('lake')").fetchall()
    for number, time in known:
        if number not in needed and time <= before:
            yield number


def _rested(lake: Lake, grace: timedelta) -> bool:
    """Whether no file was replaced so recently that a reader may hold it: DuckLake takes all replaced files or none."""
    row = lake.ask("last_replaced").column("at")[0].as_py()
    return row is not None and row <= datetime.now(UTC) - grace


def _files(lake: Lake, function: Literal["cleanup_old_files", "delete_orphaned_files"]) -> Iterator[str]:
    rows = lake.con.execute(f"call ducklake_{function}('lake', cleanup_all => true, dry_run => true)").fetchall()
    return (path for (path,) in rows)


def _count(lake: Lake) -> int:
    row = lake.con.execute("select sum(file_count) from ducklake_table_info('lake')").fetchone()
    return int(row[0]) if row and row[0] else 0
