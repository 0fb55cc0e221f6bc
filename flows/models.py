"""Where a model named in a recipe lies."""

from __future__ import annotations

from pathlib import Path

from flows.sandbox import MODELS, SANDBOX, sandbox_path
from schemas.errors import ConfigError, nearest


def model_path(name: str) -> str:
    """What to load for a model's name: `sandbox/NAME` is made on first use; a folder or a hub name is itself."""
    if not name.startswith(SANDBOX):
        return str(Path(name).resolve()) if Path(name).is_dir() else name
    member = name.removeprefix(SANDBOX)
    if member not in MODELS:
        raise ConfigError(
            f"The sandbox has no model {member!r}.{nearest(member, list(MODELS))} Known: {', '.join(MODELS)}."
        )
    return str(sandbox_path(member))
