"""Voting in a flow: a version's pairs are voted on, and its successor treats them by the strength of the preference."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Sequence
from functools import partial
from typing import NamedTuple
from uuid import uuid4

import numpy as np
import polars as pl
import pyarrow as pa
from numpy.typing import NDArray

from curation.voting.judges import judge_rewards
from curation.voting.strength import Rewards
from curation.voting.successor import Votes, successor
from flows.models import located
from flows.recipe import Vote
from flows.retrain import start_of, start_revision
from flows.strength_report import figures_of, measures_length
from schemas.datasets import DatasetVersion
from schemas.drops import DROPS
from schemas.errors import InputError
from schemas.funnel import Funnel
from schemas.ids import canonical, content_id
from schemas.pair_strength import PAIR_STRENGTH
from schemas.pairs import PAIRS
from schemas.runs import RUNS, StageRun
from training.data import read_version
from training.evaluate.subject import rewards_that_fit
from training.progress import Report, shown
from training.voters import vote
from warehouse.export import export
from warehouse.lake import Lake
from warehouse.versions import Draft, Published, find_version, members, publish


def vote_alone(lake: Lake, label: str, wanted: Vote) -> pa.Table:
    """Vote on the version NAME@V; a row a treatment of its pairs, with the label of the successor."""
    recipe = canonical({"vote": wanted.model_dump(mode="json"), "parent": label})
    published, strengths = vote_on(lake, find_version(lake, label), wanted, recipe=recipe, run_id=uuid4().hex)
    found = strengths.group_by("treatment").agg(pl.len().alias("pairs"), pl.col("mu", "sigma").mean()).sort("mu")
    return found.select(pl.lit(published.version.label).alias("version"), pl.all()).to_arrow()


class Outcome(NamedTuple):
    """The successor, and a row of `pair_strength` for each voted pair."""

    published: Published
    strengths: pl.DataFrame


def vote_on(
    lake: Lake, version: DatasetVersion, wanted: Vote, *, recipe: str, run_id: str, earlier: Sequence[Funnel] = ()
) -> Outcome:
    """Have the train split voted on, store the strengths, and publish the version that follows from them.

    Rewards of the same voters on the same members are read, not made again. Held-out pairs stay as they are: what
    measures models is not changed by models. `earlier` are the funnels of the stages before in the same run.
    """
    started = time.monotonic()
    before = pl.DataFrame(members(lake, version.dataset, version.version))
    train = before.filter(split="train")
    ballots = _judge_votes(lake, train, wanted)
    panel = _panel(lake, version, wanted, ballots)
    known = lake.ask("panel_rewards", panel=panel)
    votes = _stored(known) if known.num_rows else _cast(lake, version, wanted, train, ballots)
    pairs = pl.DataFrame(lake.ask("pairs_named", wanted=pa.table({"pair_id": votes.pair_ids})))
    done = successor(votes, before, pairs, wanted.policy, run_id)
    marks = {"panel": panel, "policy": wanted.policy.hash, "dataset": version.dataset, "run_id": run_id}
    strengths = done.strengths.with_columns(
        pl.lit(version.version).alias("version"), *(pl.lit(value).alias(name) for name, value in marks.items())
    )
    lake.append((PAIR_STRENGTH, strengths.to_arrow()))
    _warn(lake, panel, wanted, unheard=len(train) - len(strengths), of=len(train))
    stage = StageRun.of(run_id, done.funnel, recipe=recipe, seconds=time.monotonic() - started)
    draft = Draft(
        dataset=version.dataset,
        members=done.members.to_arrow(),
        message=f"{version.label} treated by the votes of {len(votes.rewards.voters)}",
        recipe=recipe,
        funnels=[*earlier, done.funnel],
        rows=[(PAIRS, PAIRS.rows(done.flips)), (DROPS, DROPS.rows(done.drops)), (RUNS, RUNS.rows([stage]))],
        run_id=run_id,
    )
    return Outcome(publish(lake, draft), strengths)


def _panel(lake: Lake, version: DatasetVersion, wanted: Vote, ballots: pa.Table) -> str:
    """Names all that decides the rewards: the members, the voters and their weights, and what the judges said."""
    return content_id(
        "panel",
        version.fingerprint,
        wanted.model_dump(mode="json", exclude={"policy"}),
        [start_revision(lake, model) for model in (*wanted.ensembles, *wanted.models)],
        ballots.column("vote_id").to_pylist(),
    )


def _judge_votes(lake: Lake, train: pl.DataFrame, wanted: Vote) -> pa.Table:
    """What the wanted judges have said of the pairs."""
    annotators = pa.table({"annotator": pa.array(wanted.judges, pa.string())})
    found = lake.ask("pair_votes", treated=train.select("pair_id").to_arrow(), annotators=annotators)
    if silent := sorted({*wanted.judges} - {*found.column("annotator").to_pylist()}):
        raise InputError(
            f"{silent[0]} has not voted on any of the pairs; see: prefinery sql 'select distinct annotator from votes'"
        )
    return found


def _stored(known: pa.Table) -> Votes:
    """Votes that were cast before."""
    sides = [np.array(known.column(side).to_pylist(), dtype=np.float64).T for side in ("chosen", "rejected")]
    voters = tuple(known.column("voters")[0].as_py())
    return Votes(known.column("pair_id").to_pylist(), Rewards(voters=voters, chosen=sides[0], rejected=sides[1]))


def _cast(lake: Lake, version: DatasetVersion, wanted: Vote, train: pl.DataFrame, ballots: pa.Table) -> Votes:
    """Votes of all voters on the pairs that at least one of them can judge."""
    pair_ids = train["pair_id"].to_list()
    with shown() as report:
        each = [*_model_votes(lake, version, wanted, pair_ids, report)]
    if wanted.judges:
        each.append(judge_rewards(pair_ids, ballots, wanted.judges, log_odds=wanted.log_odds))
    rewards = each[0]
    for others in each[1:]:
        rewards = rewards.beside(others)
    heard = np.flatnonzero(np.isfinite(rewards.differences).any(axis=0))
    kept = Rewards(voters=rewards.voters, chosen=rewards.chosen[:, heard], rejected=rewards.rejected[:, heard])
    return Votes([pair_ids[place] for place in heard], kept)


def _model_votes(
    lake: Lake, version: DatasetVersion, wanted: Vote, pair_ids: Sequence[str], report: Report
) -> Iterator[Rewards]:
    """Rewards by the ensembles and by the stored models."""
    if not (wanted.ensembles or wanted.models):
        return
    data = export(lake, version, lake.folder / "exports" / version.label)
    texts = read_version(data)
    for model in wanted.ensembles:
        found = vote(texts, start_of(lake, model, version, data), wanted.voters, report)
        named = [f"{model} {wanted.voters.mode} {wanted.voters.seed}.{voter}" for voter in range(wanted.voters.count)]
        yield _placed(tuple(named), found.rewards, found.pair_ids, pair_ids)
    train = texts.split("train")
    for model in wanted.models:
        yield _placed(
            (model,),
            _stored_rewards(model, located(lake, model), train, report),
            train.column("pair_id").to_pylist(),
            pair_ids,
        )


def _stored_rewards(model: str, path: str, train: pa.Table, report: Report) -> NDArray[np.float64]:
    """[1, 2P] of a stored reward model, all chosen first; NaN where it cannot read a side whole."""
    prompts = [*train.column("prompt").to_pylist(), *train.column("rejected_prompt").to_pylist()]
    said = [*train.column("chosen").to_pylist(), *train.column("rejected").to_pylist()]
    items = list(zip(prompts, said, strict=True))
    return rewards_that_fit(path, items, progress=partial(report, f"vote {model}"))[None].astype(np.float64)


def _placed(
    voters: tuple[str, ...], rewards: NDArray[np.float64], found: Sequence[str], pair_ids: Sequence[str]
) -> Rewards:
    """Rewards [M, 2F] of the pairs `found`, at their places among all; NaN elsewhere."""
    place = {pair_id: number for number, pair_id in enumerate(pair_ids)}
    where = [place[pair_id] for pair_id in found]
    sides = np.full((2, len(voters), len(pair_ids)), np.nan)
    sides[:, :, where] = np.split(rewards, 2, axis=1)
    return Rewards(voters=voters, chosen=sides[0], rejected=sides[1])


def _warn(lake: Lake, panel: str, wanted: Vote, *, unheard: int, of: int) -> None:
    """Say how many pairs of the train split nobody voted on, and when the strength follows the difference in length."""
    if unheard:
        sys.stderr.write(
            f"note: {unheard:,} of {of:,} pairs have no vote and stay as they are: they are longer than the voters "
            "read (voters.max_length), or no judge has seen them.\n"
        )
    figures = figures_of(lake, panel, wanted.policy.hash)
    if measures_length(figures):
        sys.stderr.write(
            "warning: these voters measure length; the correlation of strength and difference in length is "
            f"{figures['length_correlation']:.2f}.\n"
        )
