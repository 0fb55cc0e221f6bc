"""The data flow: import, generate, judge, pair, publish. The verbs live in `curation`."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import Any
from uuid import uuid4

import pyarrow as pa
from prefect import flow, task
from prefect.cache_policies import NO_CACHE

from curation.engines import Complete
from curation.generate import assignments, responses
from curation.importers import import_paths
from curation.judges import Group
from curation.ledger import SHARD_REQUESTS, Plan, Served, answers, ask, plan
from curation.pairing import build_pairs, gather
from flows.events import announce
from flows.models import model_path
from flows.recipe import Recipe, load
from schemas.calls import Call, Request
from schemas.drops import DROPS, Drop
from schemas.errors import ConfigError, InputError, UpstreamError
from schemas.funnel import Funnel
from schemas.ids import canonical
from schemas.pairs import PAIRS
from schemas.prompts import Prompt
from schemas.responses import RESPONSES, Response
from schemas.runs import RUNS, StageRun
from schemas.scores import SCORES, Score
from schemas.votes import VOTES, Vote
from training.progress import shown
from warehouse.lake import Lake
from warehouse.versions import Draft, Published, publish

UPSTREAM = {"retries": 3, "retry_delay_seconds": [2, 5, 10], "retry_jitter_factor": 1}
"""An engine that is down is asked again; what a model said is final."""


@dataclass(kw_only=True)
class Run:
    """One run of a recipe: its books."""

    lake: Lake
    recipe: Recipe
    run_id: str = field(default_factory=lambda: uuid4().hex)
    funnels: list[Funnel] = field(default_factory=list)
    made: int = 0
    reused: int = 0
    call_ids: list[str] = field(default_factory=list)
    """Calls that answer this run's judges, old and new."""
    started: float = field(default_factory=time.monotonic)

    def finish(self, funnel: Funnel) -> None:
        """Write the stage that `funnel` describes into `runs`, and begin the next."""
        now = time.monotonic()
        row = StageRun.of(
            self.run_id,
            funnel,
            recipe=canonical(self.recipe.model_dump(mode="json")),
            seconds=now - self.started,
            calls_made=self.made,
            calls_reused=self.reused,
        )
        self.lake.append((RUNS, RUNS.rows([row])))
        self.funnels.append(funnel)
        self.made = self.reused = 0
        self.started = now


@flow(name="curate", validate_parameters=False)
def curate(recipe_file: str, warehouse: str, overrides: dict[str, str] | None = None) -> str | None:
    """Run a recipe's data stages; return the label of the published version, if the recipe publishes."""
    with Lake.open(Path(warehouse)) as lake:
        done = curate_into(lake, load(Path(recipe_file), overrides))
    if done is None:
        return None
    if done.is_new:
        announce(done.version, warehouse)
    return done.version.label


def curate_into(lake: Lake, recipe: Recipe) -> Published | None:
    """The stages of a recipe in their fixed order."""
    run = Run(lake=lake, recipe=recipe)
    for wanted in recipe.imports:
        done = import_paths(lake, wanted.format, wanted.paths, run_id=run.run_id)
        run.finish(replace(done.funnel, stage=f"import {wanted.format.origin}"))
    if not recipe.prompts:
        return None
    prompts = chosen_prompts(lake, recipe)
    answered = generate(run, prompts) if recipe.generate else stored_responses(lake, prompts)
    if recipe.judges:
        judge(run, prompts, answered)
    return pair_and_publish(run, prompts) if recipe.pair else None


def chosen_prompts(lake: Lake, recipe: Recipe) -> list[Prompt]:
    """The prompts that a recipe works on, by id. Raises InputError when there are none."""
    if not recipe.prompts:
        raise ConfigError("This recipe names no prompts; add `prompts: {sources: [NAME]}`.")
    rows = lake.ask("prompts_of", sources=list(recipe.prompts.sources), most=recipe.prompts.limit)
    if not rows.num_rows:
        wanted = " or ".join(recipe.prompts.sources)
        raise InputError(f"The warehouse has no prompts of source {wanted}; run `prefinery import` first.")
    return [_prompt(row) for row in rows.to_pylist()]


def _prompt(row: dict[str, Any]) -> Prompt:
    fields: dict[str, Any] = {**row, "messages": tuple(row["messages"])}
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
    calls: list[Call] = []
    for model, mine in groupby(asked, key=lambda wanted: wanted.model):
        requests = [wanted.request(recipe.generate.sampling, recipe.seed) for wanted in mine]
        calls.extend(answer(run, served(recipe, model), requests, f"generate {model}"))
    kept, drops = responses(asked, calls, run.run_id)
    run.lake.append((RESPONSES, RESPONSES.rows(kept)), (DROPS, DROPS.rows(drops)))
    run.finish(Funnel.of("generate", "responses", read=len(asked), kept=len(kept), drops=drops))
    return kept


def judge(run: Run, prompts: Sequence[Prompt], answered: Sequence[Response]) -> None:
    """Ask every judge about every prompt's responses; judges that share a model share its engine."""
    groups = _groups(prompts, answered)
    rows: list[Score | Vote] = []
    drops: list[Drop] = []
    n_questions = 0
    by_model = sorted(run.recipe.judges, key=lambda judge: judge.model)
    for model, judges in groupby(by_model, key=lambda judge: judge.model):
        asked = [
            (one, question) for one in judges for group in groups for question in one.questions(group, run.recipe.seed)
        ]
        calls = answer(run, served(run.recipe, model), [question.request for _, question in asked], f"judge {model}")
        run.call_ids.extend(call.call_id for call in calls)
        n_questions += len(asked)
        for (one, question), call in zip(asked, calls, strict=True):
            found = one.read(question, call)
            rows.extend(found)
            if found[0].failure:
                drops.append(Drop.of("judge", "call", found[0].failure, row_id=call.call_id, run_id=run.run_id))
    run.lake.append(
        (SCORES, SCORES.rows(row for row in rows if isinstance(row, Score))),
        (VOTES, VOTES.rows(row for row in rows if isinstance(row, Vote))),
        (DROPS, DROPS.rows(drops)),
    )
    run.finish(Funnel.of("judge", "questions", read=n_questions, kept=n_questions - len(drops), drops=drops))


def _groups(prompts: Sequence[Prompt], answered: Iterable[Response]) -> list[Group]:
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
    scores = run.lake.ask("scored", wanted=wanted)
    votes = run.lake.ask("verdicts", prompts_in=_ids(prompts), wanted=wanted)
    built = build_pairs(recipe.pair, gather(scores, votes), run.run_id)
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


def served(recipe: Recipe, model: str, path: str | None = None) -> Served:
    """A model behind the recipe's engine; `path` says where it lies when its name does not."""
    assert recipe.engine is not None
    return Served.of(recipe.engine, model, path or model_path(model))


def answer(run: Run, served: Served, requests: Sequence[Request], what: str) -> list[Call]:
    """The calls that answer the requests: from the ledger, and from the engine for those that are missing."""
    todo = plan(run.lake, served, requests)
    run.made += len(todo.missing)
    run.reused += todo.reused
    if todo.missing:
        _ask_missing(run, todo, what)
    return answers(run.lake, todo)


def _ask_missing(run: Run, todo: Plan, what: str) -> None:
    with shown() as report:
        report(what, 0, len(todo.missing))  # before the engine starts, which takes some seconds too
        with todo.served.engine.start(todo.served.path) as complete:
            _ask_shards(run, todo, complete, partial(report, what))


def _ask_shards(run: Run, todo: Plan, complete: Complete, report: Callable[[int, int], None]) -> None:
    for done, shard in enumerate(todo.shards(), 1):
        ask_shard(run.lake, todo.served, complete, shard, run.run_id)
        report(min(done * SHARD_REQUESTS, len(todo.missing)), len(todo.missing))


def _is_upstream(_task: object, _run: object, state: object) -> bool:
    return isinstance(getattr(state, "data", None), UpstreamError)


@task(name="ask", cache_policy=NO_CACHE, persist_result=False, **UPSTREAM)
def ask_shard(lake: Lake, served: Served, complete: Complete, shard: Sequence[Request], run_id: str) -> None:
    """Some hundred requests and one commit: the unit that Prefect sees, retries and times."""
    ask(lake, served, complete, shard, run_id)
