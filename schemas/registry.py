"""Find plugins by walking a package, and build them from a name or a spec."""

from __future__ import annotations

import inspect
import pkgutil
from collections.abc import Mapping
from functools import cached_property
from importlib import import_module
from typing import Generic, TypeVar

from pydantic import ValidationError

from schemas.base import Plugin
from schemas.errors import ConfigError, UnknownPlugin, explain_settings

P = TypeVar("P", bound=Plugin)


class Registry(Generic[P]):
    """The plugins of one package. A new file in the package is a new plugin; nothing else is edited."""

    def __init__(self, package: str, base: type[P]) -> None:
        self.package = package
        self.base = base

    @cached_property
    def classes(self) -> dict[str, type[P]]:
        """Plugin classes by name, sorted. Raises ConfigError when two share a name."""
        found: dict[str, type[P]] = {}
        for info in pkgutil.iter_modules(import_module(self.package).__path__, f"{self.package}."):
            for cls in vars(import_module(info.name)).values():
                if not self._is_plugin(cls, info.name):
                    continue
                if found.setdefault(cls.name, cls) is not cls:
                    raise ConfigError(f"{self.package}: two plugins are called {cls.name!r}; rename one.")
        return dict(sorted(found.items()))

    def _is_plugin(self, cls: object, module: str) -> bool:
        if not (isinstance(cls, type) and issubclass(cls, self.base) and cls.__module__ == module):
            return False
        return not inspect.isabstract(cls)

    def get(self, name: str) -> type[P]:
        """The class called `name`. Raises UnknownPlugin with the nearest name."""
        if name not in self.classes:
            raise UnknownPlugin(self.package, name, list(self.classes))
        return self.classes[name]

    def build(self, spec: object) -> P:
        """A plugin from its name, its spec, or itself. Raises ConfigError on a saved spec of another version."""
        if isinstance(spec, self.base):
            return spec
        if isinstance(spec, str):
            spec = {"name": spec}
        if not isinstance(spec, Mapping) or "name" not in spec:
            raise ConfigError(f"{self.package}: write a name, or a mapping with a `name`, not {spec!r}.")
        fields = dict(spec)
        cls = self.get(str(fields.pop("name")))
        if (saved := fields.pop("version", cls.version)) != cls.version:
            raise ConfigError(
                f"{cls.name}: saved by version {saved}, but the code is version {cls.version}; run it anew."
            )
        try:
            return cls(**fields)
        except ValidationError as error:
            raise ConfigError(f"{self.package}.{cls.name}: {explain_settings(error)}") from error
