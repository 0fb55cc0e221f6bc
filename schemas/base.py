"""Strict settings, and the plugin base whose fields are config, constructor and saved spec at once."""

from __future__ import annotations

from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict


class Strict(BaseModel):
    """Frozen settings object: an unknown key is an error, not a silent no-op."""

    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=(), use_attribute_docstrings=True)


class Plugin(Strict):
    """One replaceable decision (a judge, an engine, an objective ...) with a name and a version.

    Raise `version` when the meaning of the output changes, so that old and new rows are never mixed.
    """

    name: ClassVar[str]
    version: ClassVar[str] = "1"

    def spec(self) -> dict[str, Any]:
        """The JSON object from which a registry rebuilds this plugin."""
        return {"name": self.name, "version": self.version, **self.model_dump(mode="json")}
