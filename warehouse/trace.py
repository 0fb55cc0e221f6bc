"""What changed, where it came from, what it is in: diffs and lineage, and successors without a source."""

from __future__ import annotations

import time
from dataclasses import dataclass
from uuid import uuid4

import pyarrow as pa

from schemas.datasets import DatasetVersion
from schemas.drops import DROPS, Drop
from schemas.errors import ConfigError, InputError, nearest
from schemas.funnel import Funnel
from schemas.ids import ID_BYTES, canonical
from schemas.runs import RUNS, StageRun
from warehouse.lake import Lake
from warehouse.versions import Change, Draft, find_version, members, publish, versions
from warehouse.views import create_views

STAGE = "drop source"

KINDS = ("source", "license", "model", "annotator", "user")
"""What a name can be that pairs come from."""
EXPOSURE = ("origins", "member_steps", "model_uses", "descendants")
"""The views that say what a name is in."""


def diff(lake: Lake, old: str, new: str) -> pa.Table:
    """Pairs added, removed, flipped or re-weighted between two versions (NAME@V), with the cause of each."""
    for label in (old, new):
        find_version(lake, label)
    return lake.ask("diff", old=old, new=new)


def lineage(lake: Lake, pair_id: str) -> pa.Table:
    """Prompts, responses and verdicts that a pair came from, with the calls that made them, a row each.

    The pair may be named by the first characters of its id.
    """
    if len(pair_id) < 2 * ID_BYTES:
        begun = lake.ask("pairs_beginning", start=pair_id).column("pair_id").to_pylist()
        if len(begun) > 1:
            raise InputError(f"Several pairs begin with {pair_id}; write more of the id.")
        pair_id = begun[0] if begun else pair_id
    found = lake.ask("lineage", pair_id=pair_id)
    if not found.num_rows:
        raise InputError(f"There is no pair {pair_id}; see: prefinery sql 'select pair_id from pairs limit 5'")
    return found


def exposure(lake: Lake, kind: str, name: str) -> pa.Table:
    """Versions that hold pairs of a name of a kind (KINDS), and the models that owe them something."""
    if kind not in KINDS:
        raise ConfigError(
            f"--kind {kind}: there is no such kind.{nearest(kind, list(KINDS))} Known: {', '.join(KINDS)}."
        )
    create_views(lake.con, *EXPOSURE)
    return lake.ask("exposed", kind=kind, name=name)


def holdings(lake: Lake, label: str) -> pa.Table:
    """Names of all KINDS in a version (NAME@V): their pairs, and the models that owe the version something."""
    version = find_version(lake, label)
    create_views(lake.con, *EXPOSURE)
    treated = members(lake, version.dataset, version.version)
    return lake.ask("holdings", treated=treated, dataset=version.dataset, version=version.version)


@dataclass(frozen=True, slots=True, kw_only=True)
class Withdrawal:
    """What the withdrawal of a source did: `exposure` before it, the successors that are free of it, and the datasets
    of which nothing else is left, whose latest versions still hold it.
    """

    exposed: pa.Table
    successors: list[DatasetVersion]
    emptied: list[DatasetVersion]


def drop_source(lake: Lake, source: str) -> Withdrawal:
    """Publish a successor without `source` for every dataset whose latest version holds it. Nothing is deleted.

    A version that holds nothing else gets no successor: there would be no pair in it.
    """
    exposed = exposure(lake, "source", source)
    if not exposed.num_rows:
        raise InputError(f"No version holds anything of the source {source!r}; see: prefinery sql 'from exposure'")
    done = Withdrawal(exposed=exposed, successors=[], emptied=[])
    for dataset in sorted(set(exposed.column("dataset").to_pylist())):
        latest = versions(lake, dataset)[-1]
        held = lake.ask("pairs_of_source", treated=members(lake, dataset, latest.version), source=source)
        if 0 < held.num_rows == latest.n_pairs:
            done.emptied.append(latest)
        elif held.num_rows:
            done.successors.append(_without(lake, latest, source, held.column("pair_id").to_pylist()))
    return done


def _without(lake: Lake, latest: DatasetVersion, source: str, pair_ids: list[str]) -> DatasetVersion:
    started = time.monotonic()
    run_id = uuid4().hex
    drops = [Drop.of(STAGE, "pair", "source withdrawn", row_id=each, detail=source, run_id=run_id) for each in pair_ids]
    funnel = Funnel.of(STAGE, "pairs", read=latest.n_pairs, kept=latest.n_pairs - len(pair_ids), drops=drops)
    recipe = canonical({"drop_source": source, "parent": latest.label})
    stage = StageRun.of(run_id, funnel, recipe=recipe, seconds=time.monotonic() - started)
    draft = Draft(
        dataset=latest.dataset,
        members=Change(added=members(lake, latest.dataset, latest.version).slice(0, 0), removed=pair_ids),
        message=f"{latest.label} without the source {source}",
        recipe=recipe,
        funnels=[funnel],
        rows=[(DROPS, DROPS.rows(drops)), (RUNS, RUNS.rows([stage]))],
        run_id=run_id,
    )
    return publish(lake, draft).version
