"""The data flow: import, generate, judge, pair, publish. The verbs live in `curation`."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import groupby, islice
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from prefect import flow

from curation.asking import Group, Question
from curation.budget import Limits
from curation.gate import check_gate
from curation.generate import Assignment, assignments, responses
from curation.golden import with_golden
from curation.importers import import_paths
from curation.judges import Judge
from curation.ledger import Served
from curation.pairing import build_pairs, gather
from flows.events import announce
from flows.principles import find_principles
from flows.recipe import Recipe, load
from flows.rubrics import rubrics_for
from flows.run import Run, answer, served
from schemas.calls import OUTAGES, Answered, Sampling
from schemas.drops import DROPS, Drop
from schemas.errors import ConfigError, InputError, LimitReached
from schemas.funnel import Funnel
from schemas.ids import canonical
from schemas.pairs import PAIRS
from schemas.prompts import Prompt
from schemas.responses import RESPONSES, Response
from schemas.scores import SCORES, Score
from schemas.votes import VOTES, Vote
from training.progress import shown
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
        with shown() as report:
            watch = partial(report, f"import {wanted.format.origin} (MB)")
            done = import_paths(lake, wanted.format, wanted.paths, run_id=run.run_id, watch=watch)
        for note in done.notes:
            sys.stderr.write(
                f"import {wanted.format.origin}: {note.kind}: {note.rows:,} ({note.detail or 'no detail'})\n"
            )
        run.finish(replace(done.funnel, stage=f"import {wanted.format.origin}"))
    if not recipe.prompts:
        return None
    prompts = chosen_prompts(lake, recipe)
    answered = generate(run, prompts) if recipe.generate else stored_responses(lake, prompts)
    groups = groups_of(*with_golden(lake, recipe.gate, prompts, answered))
    if recipe.rules:
        judge_by_rules(run, groups)
    if recipe.rubrics:
        groups = rubrics_for(run, groups, recipe.rubrics)
    if recipe.judges:
        judge(run, groups)
    if recipe.principles:
        find_principles(run, recipe.principles, prompts)
    if not recipe.pair:
        return None
    if recipe.gate:
        check_gate(lake, recipe.gate, run.call_ids, run.run_id)
    return pair_and_publish(run, prompts)


def chosen_prompts(lake: Lake, recipe: Recipe) -> list[Prompt]:
    """The prompts that a recipe works on, by id. Raises InputError when there are none."""
    if not recipe.prompts:
        raise ConfigError("This recipe names no prompts; add `prompts: {sources: [NAME]}`.")
    sources, limit = recipe.prompts.sources, recipe.prompts.limit
    shares = sources.items() if isinstance(sources, Mapping) else [(list(sources), limit)]
    tables = [lake.ask("prompts_of", sources=[name] if isinstance(name, str) else name, most=n) for name, n in shares]
    rows = sorted((row for table in tables for row in table.to_pylist()), key=lambda row: row["prompt_id"])
    if not rows:
        wanted = " or ".join(sources)
        raise InputError(f"The warehouse has no prompts of source {wanted}; run `prefinery import` first.")
    return [_prompt(row) for row in rows[:limit]]


def _prompt(row: dict[str, Any]) -> Prompt:
    fields: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in row.items()}
    return Prompt(**fields)


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
        written = write(run, served(recipe, model), list(mine), recipe.generate.sampling, f"generate {model}")
        kept.extend(written[0])
        drops.extend(written[1])
    run.finish(Funnel.of("generate", "responses", read=len(asked), kept=len(kept), drops=drops))
    return kept


def write(
    run: Run, model: Served, asked: Sequence[Assignment], sampling: Sampling, what: str
) -> tuple[list[Response], list[Drop]]:
    """Let a model answer its assignments; store its responses, and why a reply is none."""
    answered = answer(run, model, lambda: (wanted.request(sampling, run.recipe.seed) for wanted in asked), what)
    found = list(responses(asked, answered, run.run_id))
    kept = [row for row in found if isinstance(row, Response)]
    drops = [row for row in found if isinstance(row, Drop)]
    run.lake.append((RESPONSES, RESPONSES.rows(kept)), (DROPS, DROPS.rows(drops)))
    return kept, drops


def judge_by_rules(run: Run, groups: Sequence[Group]) -> None:
    """Let every rule judge every response. No model is asked."""
    read = kept = 0
    dropped: Counter[str] = Counter()
    pairs = ((group.prompt, response) for group in groups for response in group.responses)
    with shown() as report:
        while batch := list(islice(pairs, READ_CALLS)):
            rows = [
                row
                for prompt, one in batch
                for rule in run.recipe.rules
                for row in rule.scores(prompt, one, run.run_id)
            ]
            drops = [_verdict_drop(row, row.failure, run.run_id) for row in rows if row.failure]
            store_verdicts(run.lake, rows, drops)
            run.call_ids.extend(dict.fromkeys(row.call_id for row in rows))
            read, kept = read + len(rows), kept + len(rows) - len(drops)
            dropped.update(drop.reason for drop in drops)
            report("judge by rules", read, read)
    run.finish(Funnel(stage="rules", unit="verdicts", read=read, kept=kept, dropped=dict(dropped)))


def _verdict_drop(row: Score | Vote, failure: str, run_id: str) -> Drop:
    return Drop.of("judge", "verdict", failure, row_id=row.row_id, run_id=run_id)


def judge(run: Run, groups: Sequence[Group]) -> None:
    """Ask every judge about every prompt's responses; judges that share a model share its engine."""
    read = kept = 0
    dropped: Counter[str] = Counter()
    by_model = sorted(run.recipe.judges, key=lambda judge: judge.model)
    for model, judges in groupby(by_model, key=lambda judge: judge.model):
        asked: Asked = partial(_questions, list(judges), groups, run.recipe.seed)
        while asked is not None:
            useless: list[tuple[Judge, Question]] = []
            for batch in _answered(run, model, asked):
                rows, drops = _read(batch, useless, run.run_id)
                store_verdicts(run.lake, rows, drops)
                read, kept = read + len(rows) + _unread(drops), kept + sum(not row.failure for row in rows)
                dropped.update(drop.reason for drop in drops)
            asked = partial(iter, useless) if useless else None
    run.finish(Funnel(stage="judge", unit="verdicts", read=read, kept=kept, dropped=dict(dropped)))


Asked = Callable[[], Iterable[tuple[Judge, Question]]] | None
"""Gives the same questions, each with its judge, as often as it is called; None when nothing is left to ask."""

Replied = tuple[Judge, Question, Answered]

READ_CALLS = 10_000
"""Replies that are read into rows and stored at a time."""


def _questions(judges: Sequence[Judge], groups: Sequence[Group], seed: int) -> Iterator[tuple[Judge, Question]]:
    return ((judge, question) for judge in judges for group in groups for question in judge.asked(group, seed))


def _answered(run: Run, model: str, asked: Callable[[], Iterable[tuple[Judge, Question]]]) -> Iterator[list[Replied]]:
    """The questions with what they got, a batch at a time."""
    answers = answer(
        run, served(run.recipe, model), lambda: (question.request for _, question in asked()), f"judge {model}"
    )
    replies = ((judge, question, found) for (judge, question), found in zip(asked(), answers, strict=True))
    while batch := list(islice(replies, READ_CALLS)):
        run.call_ids.extend(found.call_id for _, _, found in batch)
        yield batch


def _read(
    batch: Iterable[Replied], useless: list[tuple[Judge, Question]], run_id: str
) -> tuple[list[Score | Vote], list[Drop]]:
    """Rows of the replies, and a drop for each verdict that they do not give. An outage makes no row.

    Adds to `useless` what is to be asked once more.
    """
    rows: list[Score | Vote] = []
    drops: list[Drop] = []
    for judge, question, found in batch:
        if found.status in OUTAGES:
            drops.append(Drop.of("judge", "call", found.status, row_id=found.call_id, run_id=run_id))
            continue
        verdicts = judge.read(question.subject, found)
        rows.extend(verdicts)
        drops.extend(_verdict_drop(row, row.failure, run_id) for row in verdicts if row.failure)
        if again := judge.again(question, verdicts):
            useless.append((judge, again))
    return rows, drops


def _unread(drops: Iterable[Drop]) -> int:
    return sum(drop.row_kind == "call" for drop in drops)


def store_verdicts(lake: Lake, rows: Sequence[Score | Vote], drops: Sequence[Drop]) -> None:
    lake.append(
        (SCORES, SCORES.rows(row for row in rows if isinstance(row, Score))),
        (VOTES, VOTES.rows(row for row in rows if isinstance(row, Vote))),
        (DROPS, DROPS.rows(drops)),
    )


def groups_of(prompts: Sequence[Prompt], answered: Iterable[Response]) -> list[Group]:
    """Prompts with at least one response, both in id order."""
    by_prompt: dict[str, list[Response]] = {}
    for response in answered:
        by_prompt.setdefault(response.prompt_id, []).append(response)
    return [
        Group(prompt=prompt, responses=tuple(sorted(by_prompt[prompt.prompt_id], key=lambda r: r.response_id)))
        for prompt in prompts
        if prompt.prompt_id in by_prompt
    ]


def pair_and_publish(run: Run, prompts: Sequence[Prompt]) -> Published:
    """Pairs from this run's verdicts and from people's, published as the next version."""
    recipe = run.recipe
    assert recipe.pair is not None and recipe.publish is not None
    wanted = pa.table({"call_id": pa.array(run.call_ids, pa.string())})
    scores = run.lake.ask("scored", aspects=recipe.aspects and list(recipe.aspects), wanted=wanted)
    scores = scores.filter(pc.field("prompt_id").isin([prompt.prompt_id for prompt in prompts]))  # no golden ones
    votes = run.lake.ask("verdicts", prompts_in=_ids(prompts), wanted=wanted)
    built = build_pairs(recipe.pair, gather(scores, votes), run.run_id)
    if recipe.balance:
        sides = pa.table({"response_id": [side for pair in built.pairs for side in (pair.chosen_id, pair.rejected_id)]})
        built = recipe.balance.applied(built, run.lake.ask("side_facts", wanted=sides))
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
