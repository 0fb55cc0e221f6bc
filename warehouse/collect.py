"""Compaction and garbage collection: fewer, larger files, and nothing that no published version needs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

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
            replaced=_files(lake, "cleanup_old_files", grace),
            orphans=_files(lake, "delete_orphaned_files", grace),
        )


def collect(lake: Lake, found: Garbage, grace: timedelta = GRACE) -> None:
    """Reclaim garbage. Writers wait meanwhile: a file without an owner is an orphan, not somebody's next commit."""
    with lake.lock:
        if found.snapshots:
            listed = ", ".join(str(int(snapshot)) for snapshot in found.snapshots)
            lake.con.execute(f"call ducklake_expire_snapshots('lake', versions => [{listed}])")
        for function in ("cleanup_old_files", "delete_orphaned_files"):
            lake.con.execute(_call(function, grace, dry_run=False))


def _idle_snapshots(lake: Lake, grace: timedelta) -> Iterator[int]:
    """Snapshots that no version names, except the newest and the recent ones."""
    needed = {version.snapshot for version in versions(lake)} | {lake.snapshot()}
    before = datetime.now(UTC) - grace
    for number, time in lake.con.execute(
        "select snapshot_id, snapshot_time from ducklake_snapshots('lake')"
    ).fetchall():
        if number not in needed and time <= before:
            yield number


def _files(lake: Lake, function: str, grace: timedelta) -> tuple[str, ...]:
    return tuple(path for (path,) in lake.con.execute(_call(function, grace, dry_run=True)).fetchall())


def _call(function: str, grace: timedelta, *, dry_run: bool) -> str:
    # Everything here is ours: the names of two functions, a number and a truth value.
    seconds = int(grace.total_seconds())
    older = f"older_than => now() - interval {seconds:d} second" if seconds else "cleanup_all => true"
    return f"call ducklake_{function}('lake', {older}, dry_run => {str(dry_run).lower()})"


def _count(lake: Lake) -> int:
    row = lake.con.execute("select sum(file_count) from ducklake_table_info('lake')").fetchone()
    return int(row[0]) if row and row[0] else 0
