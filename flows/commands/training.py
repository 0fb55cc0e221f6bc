"""Train from a version, now or whenever there is a new one."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from flows.commands import DEFAULT_WAREHOUSE, Format, Set, Warehouse, assigned, show_rows

app = typer.Typer()


@app.command()
def train(
    job: Annotated[str, typer.Argument(metavar="JOB", help="reward, dpo, sft, or the name of an objective.")],
    data: Annotated[str, typer.Option("--data", metavar="NAME@V", help="The version to learn from.")],
    model: Annotated[
        str, typer.Option("--model", help="Where to start: a folder, a hub name, sandbox/NAME, scratch/4x128.")
    ],
    out: Annotated[Path, typer.Option("--out", help="The folder of the trained model.")],
    set_: Set = None,
    warehouse: Warehouse = DEFAULT_WAREHOUSE,
    output: Format = "table",
) -> None:
    """Train one model from a named version, and measure it on the held-out split."""
    import pyarrow as pa

    from flows.retrain import train_one
    from warehouse.lake import Lake
    from warehouse.versions import find_version

    changes = assigned(set_)
    with Lake.open(warehouse) as lake:
        metrics = train_one(lake, find_version(lake, data), job, model, changes, out)
    show_rows(pa.Table.from_pylist([{"metric": name, "value": value} for name, value in metrics.items()]), output)


@app.command()
def extrapolate(
    start: Annotated[str, typer.Argument(metavar="START", help="The checkpoint that training started from.")],
    end: Annotated[str, typer.Argument(metavar="END", help="What training made of it.")],
    out: Annotated[Path, typer.Option("--out", help="The folder of the new model.")],
    factor: Annotated[float, typer.Option(help="1 is END; try 1.25, 1.5 and 2, and evaluate.")] = 1.5,
) -> None:
    """Go beyond END in the direction that leads from START to it, without training (ExPO)."""
    from training.extrapolate import extrapolate as go_beyond

    typer.echo(str(go_beyond(start, end, out, factor)))


@app.command()
def serve(
    recipes: Annotated[
        list[Path] | None, typer.Argument(metavar="[RECIPE.yaml...]", help="Recipes to serve; the demo's if absent.")
    ] = None,
    warehouse: Warehouse = DEFAULT_WAREHOUSE,
) -> None:
    """Serve recipes: run them on their schedules, and retrain on every new version of their datasets."""
    from flows.server import prefect_server
    from warehouse.lake import Lake

    Lake.create(warehouse).con.close()
    with prefect_server(warehouse) as url:
        from flows.sandbox import RECIPE
        from flows.serve import serve_recipes

        typer.echo(f"Serving {warehouse} with Prefect at {url.removesuffix('/api')}; stop with Ctrl-C.")
        serve_recipes(recipes or [RECIPE], warehouse)
