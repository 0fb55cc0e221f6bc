"""The data flow: import, generate, judge, pair, publish, vote. The verbs live in `curation`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from prefect import flow

from curation.budget import Limits
from curation.filters import filtered
from curation.gate import check_gate
from curation.generate import Assignment, assignments, responses
from curation.golden import with_golden
from curation.importing import import_paths
from curation.leaks import MARKS
from curation.ledger import Served
from curation.pairing import Built, ByScore, build_pairs, gather
from flows.events import announce
from flows.judging import groups_of, imported_acts, judge, judge_by_rules, mean_ratings, of_one_scale
from flows.principles import find_principles
from flows.questions import publish_questions
from flows.recipe import Recipe, load
from flows.rubrics import rubrics_for
from flows.run import Run, answer, served
from schemas.calls import Sampling
from schemas.drops import DROPS, Drop
from schemas.errors import ConfigError, InputError, LimitReached
from schemas.funnel import Funnel
from schemas.ids import canonical
from schemas.pairs import PAIRS
from schemas.prompts import Prompt
from schemas.responses import RESPONSES, Response
from training.progress import shown
from warehouse.hub import fetched
from warehouse.lake import Lake
from warehouse.versions import Draft, Published, publish


@flow(name="curate", validate_parameters=False)
def curate(recipe_file: str, warehouse: str, overrides: dict[str, Any] | None = None) -> str | None:
    """Run a recipe's data stages; return the label of the published version, if the recipe publishes."""
    with Lake.open(Path(warehouse)) as lake:
        done = curate_into(lake, load(Path(recipe_file), overrides))
    if done is None:
        return None
    if done.is_new:
        announce(done.version, warehouse)
    return done.version.label


def print_plan(lake: Lake, recipe: Recipe) -> None:
    """Say what the next calls of a recipe would take. Makes none, and publishes nothing."""
    halted = recipe.model_copy(update={"limits": Limits(max_calls=0), "pair": None, "publish": None})
    try:
        curate_into(lake, halted)
    except LimitReached:  # it has said why
        return
    sys.stderr.write("Every call is in the ledger: a run makes none.\n")


def curate_into(lake: Lake, recipe: Recipe) -> Published | None:
    """The stages of a recipe in their fixed order."""
    run = Run(lake=lake, recipe=recipe)
    for wanted in recipe.imports:
        paths = fetched(wanted.paths, wanted.format.suffixes)
        with shown() as report:
            watch = partial(report, f"import {wanted.format.origin} (MB)")
            done = import_paths(lake, wanted.format, paths, run_id=run.run_id, watch=watch)
        for note in done.notes:
            sys.stderr.write(
                f"import {wanted.format.origin}: {note.kind}: {note.rows:,} ({note.detail or 'no detail'})\n"
            )
        run.finish(replace(done.funnel, stage=f"import {wanted.format.origin}"))
    if not recipe.prompts:
        return None
    prompts = wanted_prompts(run)
    answered = generate(run, prompts) if recipe.generate else stored_responses(lake, prompts)
    groups = groups_of(*with_golden(lake, recipe.gate, prompts, answered))
    if recipe.ratings:
        run.call_ids.extend(imported_acts(lake, recipe.ratings, prompts))
    if recipe.rules:
        judge_by_rules(run, groups)
    if recipe.rubrics:
        groups = rubrics_for(run, groups, recipe.rubrics)
    if recipe.judges:
        judge(run, groups)
    checked_by = find_principles(run, recipe.principles, prompts) if recipe.principles else None
    if not recipe.publish:
        return None
    if recipe.gate:
        check_gate(lake, recipe.gate, run.call_ids, run.run_id)
    if recipe.publish.of == "questions":
        assert checked_by is not None
        done = publish_questions(run, checked_by, recipe.publish)
    else:
        done = pair_and_publish(run, prompts)
    if not recipe.vote:
        return done
    from flows.voting import vote_on  # loads torch

    text = canonical(recipe.model_dump(mode="json"))
    return vote_on(lake, done.version, recipe.vote, recipe=text, run_id=run.run_id, earlier=run.funnels).published


def wanted_prompts(run: Run) -> list[Prompt]:
    """The chosen prompts that the recipe's filters let pass. Raises InputError when there are none."""
    prompts = chosen_prompts(run.lake, run.recipe)
    return filter_prompts(run, prompts) if run.recipe.filters else prompts


def chosen_prompts(lake: Lake, recipe: Recipe) -> list[Prompt]:
    """The prompts that a recipe works on, by id. Raises InputError when there are none."""
    if not recipe.prompts:
        raise ConfigError("This recipe names no prompts; add `prompts: {sources: [NAME]}`.")
    shares, limit = recipe.prompts.shares, recipe.prompts.limit
    tables = [lake.ask("prompts_of", sources=list(sources), most=most) for sources, most in shares]
    found = {row["prompt_id"]: row for table in tables for row in table.to_pylist()}
    rows = [found[prompt_id] for prompt_id in sorted(found) if recipe.prompts.takes(prompt_id)]
    if not rows:
        wanted = " or ".join(recipe.prompts.sources)
        raise InputError(f"The warehouse has no prompts of source {wanted}; run `prefinery import` first.")
    return [Prompt.of_row(row) for row in rows[:limit]]


def filter_prompts(run: Run, prompts: Sequence[Prompt]) -> list[Prompt]:
    """The prompts that every filter of the recipe lets pass. Raises InputError when there are none."""
    kept, drops = filtered(run.recipe.filters, prompts, run.run_id)
    run.lake.append((DROPS, DROPS.rows(drops)))
    run.finish(Funnel.of("filter", "prompts", read=len(prompts), kept=len(kept), drops=drops))
    if not kept:
        raise InputError(f"No prompt is left of {len(prompts)}; see the reasons in the table `drops`.")
    return kept


def stored_responses(lake: Lake, prompts: Sequence[Prompt]) -> list[Response]:
    """Every stored response to the prompts."""
    rows = lake.ask("responses_to", prompts_in=_ids(prompts)).to_pylist()
    return [Response(**row) for row in rows]


def _ids(prompts: Sequence[Prompt]) -> pa.Table:
    return pa.table({"prompt_id": pa.array([prompt.prompt_id for prompt in prompts], pa.string())})


def generate(run: Run, prompts: Sequence[Prompt]) -> list[Response]:
    """Answers from the pool, model by model."""
    recipe = run.recipe
    assert recipe.generate is not None
    asked = sorted(assignments(prompts, recipe.generate, recipe.seed), key=lambda wanted: wanted.model)
    kept: list[Response] = []
    drops: list[Drop] = []
    for model, mine in groupby(asked, key=lambda wanted: wanted.model):
        written = write(run, served(run, model), list(mine), recipe.generate.sampling, f"generate {model}")
        kept.extend(written[0])
        drops.extend(written[1])
    run.finish(Funnel.of("generate", "responses", read=len(asked), kept=len(kept), drops=drops))
    return kept


def write(
    run: Run, model: Served, asked: Sequence[Assignment], sampling: Sampling, what: str
) -> tuple[list[Response], list[Drop]]:
    """Let a model answer its assignments; store its responses, and why a reply is none."""
    answered = answer(run, model, what, lambda: (wanted.request(sampling, run.recipe.seed) for wanted in asked))
    found = list(responses(asked, answered, run.run_id))
    kept = [row for row in found if isinstance(row, Response)]
    drops = [row for row in found if isinstance(row, Drop)]
    run.lake.append((RESPONSES, RESPONSES.rows(kept)), (DROPS, DROPS.rows(drops)))
    return kept, drops


def _sides(built: Built) -> pa.Table:
    """The responses of the pairs."""
    return pa.table({"response_id": [side for pair in built.pairs for side in (pair.chosen_id, pair.rejected_id)]})


def pair_and_publish(run: Run, prompts: Sequence[Prompt]) -> Published:
    """Pairs from this run's verdicts and from people's, published as the next version."""
    recipe = run.recipe
    assert recipe.pair is not None and recipe.publish is not None
    wanted = pa.table({"call_id": pa.array(run.call_ids, pa.string())})
    own = pc.field("prompt_id").isin([prompt.prompt_id for prompt in prompts])  # no golden ones
    scores = mean_ratings(run).filter(own)
    if isinstance(recipe.pair, ByScore):
        scores = of_one_scale(run, scores)
    votes = run.lake.ask("verdicts", prompts_in=_ids(prompts), wanted=wanted)
    built = build_pairs(recipe.pair, gather(scores.drop_columns("scales"), votes), run.run_id)
    if recipe.leaks:
        seams = run.lake.ask("seams", wanted=_sides(built), marks=MARKS)
        built = recipe.leaks.applied(built, dict(zip(*seams.to_pydict().values(), strict=True)))
    if recipe.balance:
        built = recipe.balance.applied(built, run.lake.ask("side_facts", wanted=_sides(built)))
    if not built.pairs:
        raise InputError(f"No pair is left of {built.funnel.read} comparisons; see the reasons in the table `drops`.")
    run.finish(built.funnel)
    return publish(
        run.lake,
        Draft(
            dataset=recipe.publish.dataset,
            members=built.members,
            message=recipe.publish.message,
            recipe=canonical(recipe.model_dump(mode="json")),
            funnels=run.funnels,
            rows=[(PAIRS, PAIRS.rows(built.pairs)), (DROPS, DROPS.rows(built.drops))],
            run_id=run.run_id,
        ),
    )
