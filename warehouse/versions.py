"""Dataset versions: publish, list, and read back."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime

import pyarrow as pa

from schemas.datasets import DATASET_ROWS, DATASETS, TREATMENT, DatasetVersion, fingerprint
from schemas.errors import ConfigError, UnknownVersion
from schemas.funnel import Funnel
from schemas.ids import canonical
from warehouse.lake import Batch, Lake

NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """What a version will be. `members` has the TREATMENT columns; `rows` go into the same commit."""

    dataset: str
    members: pa.Table
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

    Members equal to an earlier version's return that version and change nothing, so a rerun is harmless.
    """
    if not NAME.fullmatch(draft.dataset):
        raise ConfigError(f"{draft.dataset!r} cannot name a dataset; use a letter, then letters, digits, _ or -.")
    mark = fingerprint(draft.members)
    with lake.transaction():
        earlier = versions(lake, draft.dataset)
        for version in earlier:
            if version.fingerprint == mark:
                return Published(version=version, is_new=False)
        for table, rows in draft.rows:
            lake.insert(table, rows)
        version = _commit(lake, draft, mark, earlier[-1] if earlier else None)
    return Published(version=version, is_new=True)


def _commit(lake: Lake, draft: Draft, mark: str, parent: DatasetVersion | None) -> DatasetVersion:
    old = members(lake, parent.dataset, parent.version) if parent else draft.members.slice(0, 0)
    changes = lake.ask("changes", old=old, new=draft.members)
    number = parent.version + 1 if parent else 1
    head = pa.table(
        {"dataset": [draft.dataset] * len(changes), "version": pa.array([number] * len(changes), pa.int32())}
    )
    for name in ("pair_id", "op", *TREATMENT[1:]):
        head = head.append_column(name, changes.column(name))
    lake.insert(DATASET_ROWS, head)
    ops = changes.column("op").to_pylist()
    version = DatasetVersion(
        dataset=draft.dataset,
        version=number,
        parent=parent.version if parent else None,
        fingerprint=mark,
        n_pairs=draft.members.num_rows,
        n_added=ops.count("add"),
        n_removed=ops.count("remove"),
        message=draft.message,
        recipe=draft.recipe,
        funnel=canonical([asdict(funnel) for funnel in draft.funnels]),
        # The writers' lock is held, so the commit that ends this transaction is the next one.
        snapshot=lake.snapshot() + 1,
        run_id=draft.run_id,
        created_at=datetime.now(UTC).replace(tzinfo=None),
    )
    lake.insert(DATASETS, DATASETS.rows([version]))
    return version


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


def members(lake: Lake, dataset: str, version: int) -> pa.Table:
    """Members of a version with their treatment (TREATMENT columns), by pair id."""
    return lake.ask("members", dataset=dataset, version=version)
