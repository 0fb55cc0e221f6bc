"""The event that publishing a version emits, and the trigger that waits for it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from prefect.events import DeploymentEventTrigger, emit_event

from schemas.datasets import DatasetVersion

PUBLISHED = "prefinery.version.published"


def announce(version: DatasetVersion, warehouse: str) -> None:
    """Emit the event of a new version. The version itself is already committed; the event only wakes listeners."""
    emit_event(
        event=PUBLISHED,
        resource=_resource(version.dataset, warehouse),
        payload={"label": version.label, "fingerprint": version.fingerprint, "n_pairs": version.n_pairs},
    )


def on_new_version(dataset: str, warehouse: str) -> Any:
    """A trigger that starts its deployment once for each new version, with the version's label as parameter."""
    return DeploymentEventTrigger(
        name=f"new version of {dataset}",
        expect={PUBLISHED},
        match=_resource(dataset, warehouse),
        parameters={"label": "{{ event.payload.label }}"},
    )


def _resource(dataset: str, warehouse: str) -> dict[str, Any]:
    """Names a dataset of one warehouse: several warehouses may share a Prefect server."""
    return {
        "prefect.resource.id": f"prefinery.dataset.{dataset}",
        "prefinery.warehouse": str(Path(warehouse).resolve()),
    }
