"""Try it, set it up, and look what a machine can do."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from flows.commands import DEFAULT_WAREHOUSE, Format, Warehouse, show_rows

app = typer.Typer()


@app.command()
def demo(
    daily: Annotated[int, typer.Option(min=10, help="New prompts on each of the two days.")] = 500,
    held_out: Annotated[int, typer.Option(min=10, max=600, help="Prompts of the evaluation.")] = 500,
    warehouse: Warehouse = DEFAULT_WAREHOUSE,
) -> None:
    """The whole loop on this machine, offline: generate, judge, publish, train, evaluate, publish again, retrain."""
    from flows.server import quiet_prefect

    quiet_prefect()
    from flows.demo import run_demo

    run_demo(warehouse, daily=daily, held_out=held_out)


@app.command()
def init(
    warehouse: Annotated[
        Path, typer.Argument(envvar="PREFINERY_WAREHOUSE", help="The folder to create.")
    ] = DEFAULT_WAREHOUSE,
    catalog: Annotated[
        str | None, typer.Option(help="sqlite (default), duckdb, or postgres://USER@HOST/DATABASE.")
    ] = None,
    data: Annotated[str | None, typer.Option(help="s3://BUCKET/PREFIX, or another folder, by its full path.")] = None,
) -> None:
    """Create a warehouse, or bring an older one up to date.

    The folder remembers its catalogue and data. Passwords and keys stay in the environment (PGPASSWORD,
    AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_ENDPOINT_URL).
    """
    from warehouse.lake import Lake

    with Lake.create(warehouse, catalog=catalog, data=data):
        typer.echo(f"{warehouse} is ready.")


@app.command()
def doctor(warehouse: Warehouse = DEFAULT_WAREHOUSE, output: Format = "table") -> None:
    """Say what this machine can run, and what to install for the rest."""
    from flows.doctor import examine

    show_rows(examine(warehouse), output)
