"""The training flow: export a version, train the recipe's jobs on it, and enter the models in the books."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from itertools import takewhile
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
from prefect import flow

from flows.curves import draw
from flows.models import located
from flows.recipe import Recipe, Training, load
from flows.rewarding import rewarding, specs_of
from flows.run import Run
from schemas.datasets import PAIRS_FILE, DatasetVersion
from schemas.errors import ConfigError
from schemas.funnel import Funnel
from schemas.ids import canonical, content_id
from schemas.models import MODELS
from schemas.runs import RUNS, StageRun
from training.checkpoint import revision_of
from training.data import read_version
from training.evaluate.subject import read_subject, subject_revision
from training.jobs import TrainSettings
from training.objectives.policy import Policy
from training.objectives.policy.ppo import Ppo
from training.progress import Report, shown
from training.scratch import from_scratch, shape_of
from training.settings import JUDGE, RULE
from training.train import train
from warehouse.export import export
from warehouse.lake import Lake
from warehouse.versions import find_version


@flow(name="retrain", validate_parameters=False)
def retrain(label: str, recipe_file: str, warehouse: str, overrides: dict[str, Any] | None = None) -> list[str]:
    """Train a recipe's jobs on the version NAME@V; return the model folders. What is trained already stays."""
    with Lake.open(Path(warehouse)) as lake:
        return train_on(lake, load(Path(recipe_file), overrides), find_version(lake, label))


def train_on(lake: Lake, recipe: Recipe, version: DatasetVersion) -> list[str]:
    """Train every job of the recipe that has no model of this version yet."""
    folders = [model_folder(lake, recipe, job, version) for job in recipe.train]
    made = {job.job: folder for job, folder in zip(recipe.train, folders, strict=True)}
    for job in untrained(lake, recipe, version):
        _train(lake, recipe, job, version, model_folder(lake, recipe, job, version), made)
    return [str(folder) for folder in folders]


def train_one(
    lake: Lake, version: DatasetVersion, job: str, model: str, changes: dict[str, Any], out: Path
) -> Mapping[str, float]:
    """Train one job on a version into `out`; return its figures."""
    if out.exists() and any(out.iterdir()) and not (out / "training.json").is_file():
        raise ConfigError(f"{out} holds something else than a trained model; name another folder.")
    alone = Recipe(name=job, train=(Training(job=job, model=model, settings=changes),))
    return _train(lake, alone, alone.train[0], version, out.resolve())


def untrained(lake: Lake, recipe: Recipe, version: DatasetVersion) -> list[Training]:
    """The recipe's jobs that have no model of this version."""
    return [job for job in recipe.train if not _is_stored(lake, recipe, job, version)]


def model_folder(lake: Lake, recipe: Recipe, job: Training, version: DatasetVersion) -> Path:
    """Where a job's model of this version lies, or will lie."""
    name = f"{job.job}-{_model_id(lake, recipe, job, version)[:8]}"
    return (lake.folder / "models" / version.label / name).resolve()


def _model_id(lake: Lake, recipe: Recipe, job: Training, version: DatasetVersion) -> str:
    """Same members, settings, starting weights, and models and judges that the settings name: the same model."""
    settings = job.resolved.model_dump(mode="json")
    judges = specs_of(recipe, job.resolved)
    start = start_revision(lake, job.model)
    earlier = {one.job: one for one in takewhile(lambda one: one is not job, recipe.train)}
    named = [
        _model_id(lake, recipe, earlier[name], version)
        if name in earlier
        else subject_revision(read_subject(located(lake, name)))
        for name in job.resolved.models
    ]
    return content_id("model", version.fingerprint, settings, start, *(part for part in (judges, named) if part))


def start_revision(lake: Lake, model: str) -> str:
    """What names the weights of a model to start from; one from scratch is what it is called."""
    return model if shape_of(model) else revision_of(located(lake, model))


def _is_stored(lake: Lake, recipe: Recipe, job: Training, version: DatasetVersion) -> bool:
    """Whether the books name the model and its folder is there."""
    known = lake.ask("model", model_id=_model_id(lake, recipe, job, version)).num_rows
    return bool(known) and model_folder(lake, recipe, job, version).is_dir()


def _train(
    lake: Lake,
    recipe: Recipe,
    job: Training,
    version: DatasetVersion,
    out: Path,
    made: Mapping[str, Path] | None = None,
) -> Mapping[str, float]:
    """`made` are the models of the recipe's jobs, which rewards may name, as they may its rules and judges."""
    started = time.monotonic()
    data = export(lake, version, lake.folder / "exports" / version.label)
    start = start_of(lake, job.model, version, data)
    settings = with_models(lake, job.resolved, made or {})
    prompts = prompts_of(data) if isinstance(job.resolved.objective, Policy) else None
    run = Run(lake=lake, recipe=recipe, run_id=version.run_id or version.fingerprint)
    with shown() as report, rewarding(run, settings, prompts or (), version.snapshot) as judges:
        named = _named(report, f"{job.job} on {version.label}")
        cache = lake.folder / "cache" / "reference"
        trained = train(job.job, data, start, out, settings, report=named, draw=draw, cache=cache, judges=judges)
    record = trained.record
    row = {
        "model_id": _model_id(lake, recipe, job, version),
        "kind": record.kind,
        "objective": canonical(record.objective),
        "base": job.model,
        "base_revision": record.base_revision,
        "dataset": version.dataset,
        "version": version.version,
        "fingerprint": version.fingerprint,
        "settings": canonical(record.settings),
        "metrics": canonical(dict(trained.metrics)),
        "path": str(out),
        "run_id": version.run_id,
        "created_at": datetime.now(UTC).replace(tzinfo=None),
    }
    stage = StageRun.of(
        run.run_id,
        _funnel(job, version, prompts, trained.metrics),
        recipe=version.recipe,
        seconds=time.monotonic() - started,
        calls_made=run.made,
        calls_reused=run.reused,
    )
    lake.append((MODELS, MODELS.rows([row])), (RUNS, RUNS.rows([stage])))
    return trained.metrics


def _funnel(
    job: Training, version: DatasetVersion, prompts: Sequence[str] | None, metrics: Mapping[str, float]
) -> Funnel:
    """What was trained or tested on, and what was dropped, by reason: pairs, or the prompts of an online job."""
    unit, read = ("pairs", version.n_pairs) if prompts is None else ("prompts", len(prompts))
    dropped: Counter[str] = Counter()
    for name, count in metrics.items():
        _, found, reason = name.partition("_dropped_")
        if found and count:
            dropped[reason] += int(count)
    kept = sum(int(count) for name, count in metrics.items() if name.endswith("_kept"))
    return Funnel(stage=f"train {job.job}", unit=unit, read=read, kept=kept, dropped=dict(dropped))


def prompts_of(data: Path) -> list[str]:
    """The ids of an export's prompts, each once."""
    return pq.read_table(data / PAIRS_FILE, columns=["prompt_id"]).column("prompt_id").unique().to_pylist()


def start_of(lake: Lake, model: str, version: DatasetVersion, data: Path) -> Path | str:
    """Where the model lies that training starts from; one from scratch is made of the version's own texts."""
    if shape := shape_of(model):
        folder = lake.folder / "models" / version.label / model.replace("/", "-")
        return from_scratch(read_version(data), shape, folder)
    return located(lake, model)


def with_models(lake: Lake, settings: TrainSettings, made: Mapping[str, Path]) -> TrainSettings:
    """The settings with folders for the names of models: what rewards, a critic's start, a reference."""

    def place(name: str) -> str:
        if name.startswith((RULE, JUDGE)):
            return name
        return str(made[name]) if name in made else located(lake, name)

    changes: dict[str, Any] = {}
    if settings.reference is not None:
        changes["reference"] = place(settings.reference)
    if isinstance(settings.objective, Ppo) and settings.objective.critic is not None:
        changes["objective"] = settings.objective.model_copy(update={"critic": place(settings.objective.critic)})
    if settings.rollout is not None:
        rewards = tuple(one.model_copy(update={"source": place(one.source)}) for one in settings.rollout.rewards)
        changes["rollout"] = settings.rollout.model_copy(update={"rewards": rewards})
    return settings.model_copy(update=changes)


def _named(report: Report, what: str) -> Report:
    """A report that puts the name of the job before each stage."""

    def named(stage: str, done: int, total: int, metrics: Mapping[str, float] | None = None) -> None:
        report(f"{what}: {stage}", done, total, metrics)

    return named
