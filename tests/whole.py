"""What is true of a warehouse after whatever happened to it."""

from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import duckdb

from schemas.files import FILES
from warehouse.collect import collect, garbage
from warehouse.digests import verify
from warehouse.lake import Lake
from warehouse.tables import all_tables
from warehouse.versions import members, versions

TABLES = "select table_name from duckdb_tables() where database_name = 'lake'"
SNAPSHOTS = "select snapshot_id from ducklake_snapshots('lake')"


def state(folder: Path) -> dict[str, list]:
    """The keys of all rows that a reader sees, but for the records of files, which follow their commits."""
    with Lake.open(folder, read_only=True) as lake:
        return {
            table.name: sorted(tuple(row.values()) for row in lake.read(table).select(table.key).to_pylist())
            for table in all_tables()
            if table is not FILES
        }


def check(folder: Path) -> None:
    """It opens for writing, no key is there twice, and every version has its members and its bytes."""
    with Lake.open(folder) as lake:
        for table in all_tables():
            keys = [tuple(row.values()) for row in lake.read(table).select(table.key).to_pylist()]
            assert len(keys) == len(set(keys)), table.name
        for version in versions(lake):
            assert members(lake, version.dataset, version.version).num_rows == version.n_pairs
            assert list(verify(lake, version)) == []


def check_files(folder: Path) -> None:
    """After a collection the files on disk are those that the catalogue needs, neither more nor fewer."""
    with Lake.open(folder) as lake:
        while found := garbage(lake, timedelta(0)):
            collect(lake, found)
        assert {str(path) for path in (folder / "data").rglob("*") if path.is_file()} == catalogued(lake)


def catalogued(lake: Lake) -> set[str]:
    """Every data and delete file that a snapshot needs."""
    found = set()
    for (snapshot,) in lake.con.execute(SNAPSHOTS).fetchall():
        for (table,) in lake.con.execute(TABLES).fetchall():
            listed = f"ducklake_list_files('lake', '{table}', snapshot_version => {snapshot:d})"
            with suppress(duckdb.CatalogException):  # the snapshot is older than the table
                rows = lake.con.execute(f"select data_file, delete_file from {listed}").fetchall()
                found |= {path for row in rows for path in row if path}
    return found
