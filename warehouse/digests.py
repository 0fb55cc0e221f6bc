"""Digests of the bytes of data files: recorded when a version is published, compared when it is verified."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import blake2b
from mmap import ACCESS_READ, mmap
from pathlib import Path
from typing import NamedTuple

import duckdb
import pyarrow as pa

from schemas.datasets import DatasetVersion, fingerprint
from schemas.errors import WarehouseError
from schemas.files import FILES, FOOTER
from schemas.ids import ID_BYTES
from schemas.table import Table
from warehouse.failpoints import reach
from warehouse.lake import Lake
from warehouse.sentences import sentences
from warehouse.tables import all_tables

GONE = "the file is gone or cannot be read"


@dataclass(frozen=True, slots=True, kw_only=True)
class Damage:
    """Something in a version that is not what was published. Without a row group, the file or all of it is meant."""

    file: str | None
    row_group: int | None
    what: str


class DataFile(NamedTuple):
    """A Parquet file of the lake: the name that stays when a warehouse is moved, and where it lies now."""

    name: str
    path: str


def seal(lake: Lake) -> int:
    """Record the digests of all data files that have none yet; return how many files that were."""
    known = set(lake.ask("sealed_files").column("file").to_pylist())
    new = [file for file in data_files(lake) if file.name not in known]
    with sentences(lake.place):
        rows = [row for file in new for row in _digests(file.name, _content(lake, file))]
    reach("before seal")
    lake.append((FILES, FILES.rows(rows)))
    reach("after seal")
    return len(new)


def verify(lake: Lake, version: DatasetVersion) -> Iterator[Damage]:
    """Read the data of a version again, byte by byte and member by member; yield what differs from what was published.

    A file without recorded digests, of a run that was killed right after its commit, is checked by its members only.
    """
    sound = True
    for damage in unlike(lake, version.snapshot):
        sound = False
        yield damage
    if sound:
        yield from _wrong_members(lake, version)


def unlike(lake: Lake, snapshot: int | None = None, *tables: Table) -> Iterator[Damage]:
    """What differs from the recorded digests in the files of a snapshot, or of today; of these tables, or of all.

    Where the records themselves cannot be read, their files are named, and the others only looked for.
    """
    recorded: dict[str, list[dict[str, object]]] = {}
    try:
        for row in lake.read(FILES).to_pylist():
            recorded.setdefault(row["file"], []).append(row)
    except WarehouseError:
        broken = [file for file in data_files(lake, None, FILES) if not _can_be_read(lake, file)]
        if not broken:
            raise
        yield from (Damage(file=file.path, row_group=None, what=GONE) for file in broken)
    for file in data_files(lake, snapshot, *tables):
        yield from _damages(lake, file, recorded.get(file.name, []))


def data_files(lake: Lake, snapshot: int | None = None, *tables: Table) -> list[DataFile]:
    """The Parquet files of these tables, or of all whose bytes are recorded, at a snapshot or now; by name."""
    wanted = tables or tuple(table for table in all_tables() if table is not FILES)
    names = [table.name for table in wanted]
    found = lake.ask("data_files", tables=names, snapshot=snapshot, data=lake.place.data_path)
    return [DataFile(**row) for row in found.to_pylist()]


def _can_be_read(lake: Lake, file: DataFile) -> bool:
    try:
        lake.con.execute("from read_parquet($path)", {"path": file.path}).to_arrow_table()
    except duckdb.Error:
        return False
    return True


def _damages(lake: Lake, file: DataFile, recorded: list[dict[str, object]]) -> Iterator[Damage]:
    try:
        content = _content(lake, file)
    except (OSError, ValueError, duckdb.Error):
        yield Damage(file=file.path, row_group=None, what=GONE)
        return
    if recorded and sum(int(str(row["n_bytes"])) for row in recorded) != len(content):
        yield Damage(file=file.path, row_group=None, what=f"the file has {len(content)} bytes, and had another length")
        return
    for row in recorded:
        first, group = int(str(row["first_byte"])), int(str(row["row_group"]))
        if _digest(content[first : first + int(str(row["n_bytes"]))]) != row["digest"]:
            where = "the head or footer" if group == FOOTER else f"row group {group}"
            yield Damage(file=file.path, row_group=None if group == FOOTER else group, what=f"{where} has other bytes")


def _wrong_members(lake: Lake, version: DatasetVersion) -> Iterator[Damage]:
    members = lake.ask("members", dataset=version.dataset, version=version.version)
    if fingerprint(members) != version.fingerprint:
        yield Damage(file=None, row_group=None, what=f"the members are not those of {version.fingerprint}")
    whole = lake.ask("whole_members", treated=members).column("n")[0].as_py()
    if whole != version.n_pairs:
        yield Damage(file=None, row_group=None, what=f"{version.n_pairs - whole} members lack their pair or a text")


def _digests(name: str, content: memoryview) -> Iterator[dict[str, object]]:
    """Rows of `files`: one for each row group, and one for each stretch of bytes between them."""
    end = 0
    for first, last, group in [*_row_groups(content), (len(content), len(content), FOOTER)]:
        for start, stop, number in ((end, first, FOOTER), (first, last, group)):
            if stop > start:
                digest = _digest(content[start:stop])
                yield {
                    "file": name, "row_group": number, "first_byte": start, "n_bytes": stop - start, "digest": digest,
                }  # fmt: skip
        end = last


def _row_groups(content: memoryview) -> list[tuple[int, int, int]]:
    """(first byte, byte after the last, number) of every row group."""
    import pyarrow.parquet as pq

    metadata = pq.read_metadata(pa.BufferReader(content))
    found: list[tuple[int, int, int]] = []
    for number in range(metadata.num_row_groups):
        group = metadata.row_group(number)
        columns = [group.column(i) for i in range(group.num_columns)]
        starts = [column.dictionary_page_offset or column.data_page_offset for column in columns]
        ends = [start + column.total_compressed_size for start, column in zip(starts, columns, strict=True)]
        found.append((min(starts), max(ends), number))
    return sorted(found)


def _digest(content: memoryview) -> str:
    return blake2b(content, digest_size=ID_BYTES).hexdigest()


def _content(lake: Lake, file: DataFile) -> memoryview:
    if "://" not in file.path:
        with Path(file.path).open("rb") as opened:
            return memoryview(mmap(opened.fileno(), 0, access=ACCESS_READ))
    row = lake.con.execute("select content from read_blob($path)", {"path": file.path}).fetchone()
    return memoryview(row[0] if row else b"")
