"""Compaction and garbage collection: fewer, larger files, and nothing that no published version needs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Literal

from schemas.errors import WarehouseError
from warehouse.digests import seal, unlike
from warehouse.failpoints import reach
from warehouse.lake import Lake
from warehouse.memory import held, little
from warehouse.sentences import sentences
from warehouse.versions import versions

GRACE = timedelta(hours=1)
"""What a reader may still be reading: nothing that was needed so recently is reclaimed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Garbage:
    """What nothing needs: snapshots of no version, files that a compaction replaced, files of killed writers."""

    snapshots: tuple[int, ...]
    replaced: tuple[str, ...]
    orphans: tuple[str, ...]
    n_bytes: int = 0
    """Size of the files."""

    def __bool__(self) -> bool:
        return bool(self.snapshots or self.replaced or self.orphans)

    def holds(self, other: Garbage) -> bool:
        """Whether all files of the other are among these."""
        return set(other.replaced) <= set(self.replaced) and set(other.orphans) <= set(self.orphans)


def compact(lake: Lake) -> tuple[int, int]:
    """Merge small data files; return how many there were and are. Every version reads the same rows as before.

    Raises WarehouseError when a file is damaged: a merge would hide it.
    """
    with sentences(lake.place), lake.lock:
        for damage in unlike(lake):
            raise WarehouseError(f"{damage.file}: {damage.what}; restore it from a backup before compacting.")
        before = _count(lake)
        reach("before merge")
        with held(lake.con, little()):
            lake.con.execute("call ducklake_merge_adjacent_files('lake')")
        reach("after merge")
        seal(lake)
        return before, _count(lake)


def garbage(lake: Lake, grace: timedelta = GRACE) -> Garbage:
    """What `collect` would reclaim now."""
    with sentences(lake.place), lake.lock:
        snapshots = tuple(_idle_snapshots(lake, grace))
        replaced = tuple(_files(lake, "cleanup_old_files")) if _rested(lake, grace) else ()
        orphans = tuple(_files(lake, "delete_orphaned_files"))
        n_bytes = _size(lake, {*replaced, *orphans})
        return Garbage(snapshots=snapshots, replaced=replaced, orphans=orphans, n_bytes=n_bytes)


def collect(lake: Lake, found: Garbage) -> None:
    """Reclaim garbage. Writers wait meanwhile: a file without an owner is an orphan, not somebody's next commit.

    Files that the end of a snapshot sets free are for the next time. Raises WarehouseError, and removes nothing, when
    there are files to remove by now that `found` does not name: DuckLake takes all or none.
    """
    with sentences(lake.place), lake.lock:
        now = garbage(lake, timedelta(0))
        taken = replace(
            now, replaced=now.replaced if found.replaced else (), orphans=now.orphans if found.orphans else ()
        )
        if not found.holds(taken):
            raise WarehouseError("There is more to remove by now than was listed; run prefinery gc again.")
        reach("before cleanup")
        if taken.replaced:
            lake.con.execute("call ducklake_cleanup_old_files('lake', cleanup_all => true)")
        reach("after cleanup")
        if taken.orphans:
            lake.con.execute("call ducklake_delete_orphaned_files('lake', cleanup_all => true)")
        reach("before expire")
        if ended := sorted(set(found.snapshots) & set(now.snapshots)):
            listed = ", ".join(f"{snapshot:d}" for snapshot in ended)
            lake.con.execute(f"call ducklake_expire_snapshots('lake', versions => [{listed}])")
        reach("after expire")


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


def _size(lake: Lake, paths: set[str]) -> int:
    """Bytes of these files of the warehouse, wherever it keeps its data."""
    files = {"files": f"{lake.place.data_path}**"}
    found = lake.con.execute("select filename, size from read_blob($files)", files).fetchall() if paths else ()
    return sum(size for path, size in found if path in paths)


def _count(lake: Lake) -> int:
    row = lake.con.execute("select sum(file_count) from ducklake_table_info('lake')").fetchone()
    return int(row[0]) if row and row[0] else 0
