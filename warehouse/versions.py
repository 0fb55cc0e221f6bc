"""Dataset versions: publish, list, and read back."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime

import pyarrow as pa

from schemas.datasets import DATASET_ROWS, DATASETS, NO_MEMBERS, DatasetVersion, fingerprint_after
from schemas.errors import ConfigError, UnknownVersion, WarehouseError
from schemas.funnel import Funnel
from schemas.ids import canonical
from warehouse.digests import Damage, seal, unlike, verify
from warehouse.lake import Batch, Lake

NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """Members (TREATMENT columns) that join the latest version or are treated anew, and ids of pairs that leave it."""

    added: pa.Table
    removed: Sequence[str] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """What a version will be.

    `members` are all its members (TREATMENT columns), or what changes in the latest version, at a cost that grows with
    the change alone. `rows` go into the same commit.
    """

    dataset: str
    members: pa.Table | Change
    message: str
    recipe: str
    funnels: Sequence[Funnel]
    rows: Sequence[Batch] = ()
    run_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """A version, and whether this call made it: equal members are the version that already has them."""

    version: DatasetVersion
    is_new: bool


def publish(lake: Lake, draft: Draft) -> Published:
    """Commit a draft as the next version of its dataset, with all its rows, at once.

    Members equal to an earlier version's return that version and change nothing, so a rerun is harmless; a Change that
    changes nothing returns the latest.
    """
    if not NAME.fullmatch(draft.dataset):
        raise ConfigError(f"{draft.dataset!r} cannot name a dataset; use a letter, then letters, digits, _ or -.")
    with lake.transaction():
        published = _publish(lake, draft)
    seal(lake)
    return published


def _publish(lake: Lake, draft: Draft) -> Published:
    earlier = versions(lake, draft.dataset)
    parent = earlier[-1] if earlier else None
    added, withdrawn = _difference(lake, parent, draft)
    mark = fingerprint_after(parent.fingerprint if parent else NO_MEMBERS, withdrawn=withdrawn, added=added)
    # A change is a step from the latest version, even when it leads back to an earlier one.
    for version in earlier[-1:] if isinstance(draft.members, Change) else earlier:
        if version.fingerprint == mark:
            return Published(version=version, is_new=False)
    for table, rows in draft.rows:
        lake.insert(table, rows)
    gone = withdrawn.join(added.select(["pair_id"]), "pair_id", join_type="left anti")
    number = parent.version + 1 if parent else 1
    lake.insert_new(DATASET_ROWS, _rows(draft.dataset, number, added, gone))
    version = DatasetVersion(
        dataset=draft.dataset,
        version=number,
        parent=parent.version if parent else None,
        fingerprint=mark,
        n_pairs=(parent.n_pairs if parent else 0) + added.num_rows - withdrawn.num_rows,
        n_added=added.num_rows,
        n_removed=gone.num_rows,
        message=draft.message,
        recipe=draft.recipe,
        funnel=canonical([asdict(funnel) for funnel in draft.funnels]),
        # The writers' lock is held, so the commit that ends this transaction is the next one.
        snapshot=lake.snapshot() + 1,
        run_id=draft.run_id,
        created_at=datetime.now(UTC).replace(tzinfo=None),
    )
    lake.insert_new(DATASETS, DATASETS.rows([version]))
    return Published(version=version, is_new=True)


def _difference(lake: Lake, parent: DatasetVersion | None, draft: Draft) -> tuple[pa.Table, pa.Table]:
    """Members that the draft adds or treats anew, and those of its parent that it drops or treats anew."""
    wanted = draft.members
    if parent is None:
        if isinstance(wanted, Change):
            raise ConfigError(f"{draft.dataset} has no version to change; publish all its members first.")
        return wanted, wanted.slice(0, 0)
    here = {"dataset": parent.dataset, "version": parent.version}
    if isinstance(wanted, pa.Table):
        new, old = wanted, lake.ask("members", **here)
    else:
        new, removed = wanted.added, pa.array(wanted.removed, pa.string())
        touched = pa.table({"pair_id": pa.concat_arrays([removed, *new.column("pair_id").chunks])})
        old = lake.ask("members_among", **here, touched=touched)
    return lake.ask("lacking", rows=new, others=old), lake.ask("lacking", rows=old, others=new)


def _rows(dataset: str, number: int, added: pa.Table, gone: pa.Table) -> pa.Table:
    """Rows of `dataset_rows`: the difference of a version from its parent."""
    gone = gone.select(["pair_id"])
    parts = [
        part.append_column("op", pa.repeat(pa.scalar(op), part.num_rows))
        for op, part in (("add", added), ("remove", gone))
    ]
    rows = pa.concat_tables(parts, promote_options="default")
    return rows.append_column("dataset", pa.repeat(pa.scalar(dataset), rows.num_rows)).append_column(
        "version", pa.repeat(pa.scalar(number, pa.int32()), rows.num_rows)
    )


def versions(lake: Lake, dataset: str | None = None) -> list[DatasetVersion]:
    """Published versions, oldest first; of one dataset, or of all."""
    rows = lake.ask("versions", dataset=dataset).to_pylist()
    return [DatasetVersion(**row) for row in rows]


def find_version(lake: Lake, label: str) -> DatasetVersion:
    """The version called `NAME@V`. Raises UnknownVersion; ConfigError when the label has another form."""
    name, at, number = label.partition("@")
    if not at or not number.isdigit():
        raise ConfigError(f"{label!r} is no version label; write NAME@V, for example demo@1.")
    published = versions(lake)
    for version in published:
        if version.dataset == name and version.version == int(number):
            return version
    raise UnknownVersion(name, int(number), [version.label for version in published])


def damages(lake: Lake, label: str) -> Iterator[Damage]:
    """What is not as it was published in the version called `NAME@V`.

    Where there seems to be no such version, it is what differs in the files that tell which versions there are.
    """
    try:
        version = find_version(lake, label)
    except WarehouseError:
        found = list(unlike(lake, None, DATASETS))
        if not found:
            raise
        yield from found
    else:
        yield from verify(lake, version)


def facts(lake: Lake, label: str) -> pa.Table:
    """Counts, funnel with drop reasons, and models of the version called `NAME@V`: columns what, value."""
    version = find_version(lake, label)
    # Cut out here: for the first parameter of a query DuckDB loads pandas, which takes longer than all the rest.
    found = lake.ask("version_facts")
    labels = found.column("label").to_pylist()
    return found.slice(labels.index(version.label), labels.count(version.label)).drop_columns("label")


def members(lake: Lake, dataset: str, version: int) -> pa.Table:
    """Members of a version with their treatment (TREATMENT columns), by pair id."""
    return lake.ask("members", dataset=dataset, version=version)
