"""The commands of `prefinery`, a file a theme. Each is a thin shell; what is heavy is imported when one needs it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from schemas.errors import ConfigError

if TYPE_CHECKING:
    import pyarrow as pa

DEFAULT_WAREHOUSE = Path(".prefinery")
Warehouse = Annotated[
    Path, typer.Option("--warehouse", "-w", envvar="PREFINERY_WAREHOUSE", help="The warehouse folder.")
]
Format = Annotated[str, typer.Option("--format", help="table, csv, json, or parquet where rows are printed.")]
Set = Annotated[list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Change one key.")]


def assigned(changes: Sequence[str] | None) -> dict[str, object]:
    """The settings that `--set` changes. Raises ConfigError for what is no KEY=VALUE."""
    return dict(map(_assignment, changes or ()))


def _assignment(text: str) -> tuple[str, object]:
    import yaml

    key, equals, value = text.partition("=")
    if not equals or not key:
        raise ConfigError(f"--set {text}: write KEY=VALUE.")
    try:
        return key, yaml.safe_load(value)
    except yaml.YAMLError as error:
        raise ConfigError(f"--set {text}: the value is no YAML; put it in quotes.") from error


def show_rows(rows: pa.Table, output: str) -> None:
    """Print rows in the form that `--format` names."""
    from flows.tables import show

    show(rows, output)
