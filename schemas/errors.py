"""Every error of the project. Each message is one sentence or two that say what to do.

PrefineryError
├── ConfigError              wrong settings: exit code 2
│   └── UnknownPlugin        a name that no plugin has
├── InputError               a file that cannot be read as the format it claims
├── WarehouseError           the warehouse is absent, newer, locked, full or damaged
│   ├── UnknownVersion       NAME@V does not exist
│   └── OutOfMemory          a query needs more than it may hold
├── DiskError                a disk that is full, fails, or is closed to us
├── ModelError               a folder that is no model, or a model that does not fit
├── LimitReached             a run stopped at its budget: run it again to go on
├── GateClosed               a judge is not to be trusted, so nothing was published
└── UpstreamError            a server or engine is down: retried, reported, never stored as an answer
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pydantic import ValidationError


class PrefineryError(Exception):
    """Base of all errors that a user can act on."""

    exit_code = 1


class ConfigError(PrefineryError):
    """Settings, recipes or arguments that cannot be right."""

    exit_code = 2


class UnknownPlugin(ConfigError):
    """No plugin of the package has this name."""

    def __init__(self, package: str, name: str, known: list[str]) -> None:
        self.package, self.name, self.known = package, name, known
        super().__init__(f"{package} has no {name!r}.{nearest(name, known)} Known: {', '.join(known)}.")


class InputError(PrefineryError):
    """A file that cannot be read as the format it claims to be."""


class WarehouseError(PrefineryError):
    """The warehouse cannot serve the request."""


class OutOfMemory(WarehouseError):
    """A query needs more memory than it may hold, and cannot put the rest on the disk."""


class UnknownVersion(WarehouseError):
    """The named dataset version was never published."""

    def __init__(self, name: str, version: int | None, known: list[str]) -> None:
        self.name, self.version, self.known = name, version, known
        wanted = name if version is None else f"{name}@{version}"
        listing = f" Published: {', '.join(known)}." if known else " Nothing is published yet."
        super().__init__(f"There is no version {wanted}.{nearest(wanted, known)}{listing}")


class DiskError(PrefineryError):
    """A disk is full or fails, or a file or folder is closed to us."""


class ModelError(PrefineryError):
    """A folder that is no model, or a model that does not fit the job."""


class LimitReached(PrefineryError):
    """A run stopped at one of its limits. What it finished is kept, and the same command goes on."""


class GateClosed(PrefineryError):
    """A judge raised an alarm. Its verdicts are stored; nothing was published."""

    def __init__(self, judge: str, figure: str, sentence: str, more: int = 0) -> None:
        self.judge, self.figure = judge, figure
        rest = f" ({more} more in the table `drops`, stage `gate`)" if more else ""
        super().__init__(f"Nothing is published: {sentence}{rest}; see: prefinery judges")


class UpstreamError(PrefineryError):
    """A server or engine failed. The call is not stored, so a later run asks again."""


def nearest(name: str, known: list[str]) -> str:
    """` Did you mean 'x'?` with the closest known name, or an empty string."""
    from difflib import get_close_matches

    near = get_close_matches(name, known, n=1)
    return f" Did you mean {near[0]!r}?" if near else ""


def explain_settings(error: ValidationError) -> str:
    """The first problem of a pydantic error in one line: `pair.min_margn: unknown key ...`."""
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"]) or "settings"
    if first["type"] == "extra_forbidden":
        return f"{where}: unknown key; remove it or correct its spelling."
    if "ctx" in first and first["type"] == "value_error":  # our own sentence, about parts that need no repeating
        return f"{where}: {first['ctx']['error']}."
    return f"{where}: {first['msg']} (got {first['input']!r})."
