"""The training flow: export a version, train the recipe's jobs on it, and enter the models in the books."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from prefect import flow

from flows.models import model_path
from flows.recipe import Recipe, Training, load
from schemas.datasets import DatasetVersion
from schemas.ids import canonical, content_id
from schemas.models import MODELS
from training.checkpoint import revision_of
from training.progress import Report, shown
from training.train import train
from warehouse.export import export
from warehouse.lake import Lake
from warehouse.versions import find_version


@flow(name="retrain", validate_parameters=False)
def retrain(label: str, recipe_file: str, warehouse: str, overrides: dict[str, str] | None = None) -> list[str]:
    """Train a recipe's jobs on the version NAME@V; return the model folders. What is trained already stays."""
    with Lake.open(Path(warehouse)) as lake:
        return train_on(lake, load(Path(recipe_file), overrides), find_version(lake, label))


def train_on(lake: Lake, recipe: Recipe, version: DatasetVersion) -> list[str]:
    """Train every job of the recipe that has no model of this version yet."""
    return [str(_train(lake, job, version)) for job in recipe.train]


def untrained(lake: Lake, recipe: Recipe, version: DatasetVersion) -> list[Training]:
    """The recipe's jobs that have no model of this version."""
    return [job for job in recipe.train if _stored(lake, _model_id(job, version)) is None]


def model_folder(lake: Lake, job: Training, version: DatasetVersion) -> Path:
    """Where a job's model of this version lies, or will lie."""
    return lake.folder / "models" / version.label / f"{job.job}-{_model_id(job, version)[:8]}"


def _model_id(job: Training, version: DatasetVersion) -> str:
    """Same members, settings and starting weights: the same model."""
    return content_id(
        "model", version.fingerprint, job.job, job.resolved.model_dump(mode="json"), revision_of(model_path(job.model))
    )


def _stored(lake: Lake, model_id: str) -> Path | None:
    found = lake.ask("model", model_id=model_id).to_pylist()
    path = lake.folder / found[0]["path"] if found else None
    return path if path and path.is_dir() else None


def _train(lake: Lake, job: Training, version: DatasetVersion) -> Path:
    model_id = _model_id(job, version)
    if stored := _stored(lake, model_id):
        return stored
    data = export(lake, version, lake.folder / "exports" / version.label)
    out = model_folder(lake, job, version)
    start = model_path(job.model)
    with shown() as report:
        trained = train(
            job.job, data, start, out, job.resolved, report=partial(_named, report, f"{job.job} {version.label}")
        )
    row = {
        "model_id": model_id,
        "kind": trained.record.kind,
        "objective": canonical(trained.record.objective),
        "base": job.model,
        "base_revision": revision_of(start),
        "dataset": version.dataset,
        "version": version.version,
        "fingerprint": version.fingerprint,
        "settings": canonical(job.resolved.model_dump(mode="json")),
        "metrics": canonical(dict(trained.metrics)),
        "path": str(out.relative_to(lake.folder)),
        "run_id": version.run_id,
        "created_at": datetime.now(UTC).replace(tzinfo=None),
    }
    lake.append((MODELS, MODELS.rows([row])))
    return out


def _named(report: Report, what: str, stage: str, *state: Any) -> None:
    """Report a stage under the name of its job."""
    report(f"{what}: {stage}", *state)
