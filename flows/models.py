"""Where a model named in a recipe lies."""

from __future__ import annotations

from pathlib import Path

from schemas.errors import ConfigError, nearest
from warehouse.lake import Lake
from warehouse.versions import find_version

SANDBOX = "sandbox/"
"""What the names of the sandbox's models begin with."""


def located(lake: Lake, name: str) -> str:
    """What to load for a model's name; `NAME@V/OBJECTIVE` is the last model that was trained so on a version."""
    label, slash, objective = name.rpartition("/")
    if not slash or "@" not in label or Path(name).is_dir():
        return model_path(name)
    version = find_version(lake, label)
    found = lake.ask("model_of", dataset=version.dataset, version=version.version, objective=objective)
    if not found.num_rows:
        raise ConfigError(f"{label} has no model of the objective {objective!r}; `prefinery sql` shows `from models`.")
    return str(found["path"][0].as_py())


def looked_up(warehouse: Path, name: str) -> str:
    """`located` in the warehouse of a folder, which is opened only where the name asks for it."""
    if "@" not in name or Path(name).is_dir():
        return model_path(name)
    with Lake.open(warehouse, read_only=True) as lake:
        return located(lake, name)


def model_path(name: str) -> str:
    """What to load for a model's name: `sandbox/NAME` is made on first use; a folder or a hub name is itself."""
    if not name.startswith(SANDBOX):
        return str(Path(name).resolve()) if Path(name).is_dir() else name
    from flows.sandbox import MODELS, sandbox_path  # loads torch

    member = name.removeprefix(SANDBOX)
    if member not in MODELS:
        raise ConfigError(
            f"The sandbox has no model {member!r}.{nearest(member, list(MODELS))} Known: {', '.join(MODELS)}."
        )
    return str(sandbox_path(member))
