"""Bring data in, run recipes, and read again what was said."""

from __future__ import annotations

import inspect
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from flows.commands import DEFAULT_WAREHOUSE, Format, Set, Warehouse, assigned, show_rows

if TYPE_CHECKING:
    from schemas.base import Plugin

app = typer.Typer()


@app.command("import")
def import_(
    format_: Annotated[str, typer.Argument(metavar="FORMAT", help="A name that `prefinery formats` lists.")],
    paths: Annotated[
        list[str], typer.Argument(metavar="PATH...", help="Files, folders of them, or hf://datasets/OWNER/NAME[@REV].")
    ],
    source: Annotated[
        str | None, typer.Option(help="Value of the `source` column; the format's name if absent.")
    ] = None,
    set_: Set = None,
    warehouse: Warehouse = DEFAULT_WAREHOUSE,
    output: Format = "table",
) -> None:
    """Bring in prompts, responses, votes or scores; every record is kept, or dropped with a reason."""
    import pyarrow as pa

    from curation.importers import IMPORTERS
    from curation.importing import import_paths
    from training.progress import shown
    from warehouse.hub import fetched
    from warehouse.lake import Lake

    changes = assigned(set_)
    importer = IMPORTERS.build({"name": format_, "source": source, **changes})
    files = fetched(paths, importer.suffixes)
    with Lake.create(warehouse) as lake, shown() as report:
        done = import_paths(lake, importer, files, watch=partial(report, f"import {importer.origin} (MB)"))
    rows = [{"what": "records read", "rows": done.funnel.read}, {"what": "records kept", "rows": done.funnel.kept}]
    rows += [{"what": f"dropped: {reason}", "rows": n} for reason, n in sorted(done.funnel.dropped.items())]
    rows += [{"what": f"new {table}", "rows": n} for table, n in done.new.items()]
    rows += [{"what": f"note: {note.kind}", "rows": note.rows, "detail": note.detail} for note in done.notes]
    columns = pa.schema([("what", pa.string()), ("rows", pa.int64()), ("detail", pa.string())])
    show_rows(pa.Table.from_pylist(rows, schema=columns), output)


@app.command()
def formats(output: Format = "table") -> None:
    """List the formats that `prefinery import` reads and `prefinery export` writes."""
    import pyarrow as pa

    from curation.importers import IMPORTERS
    from warehouse.exporters import EXPORTERS

    rows = [
        {"format": name, "for": "import", "license": cls.license, "files": " ".join(cls.suffixes)} | _told(cls)
        for name, cls in IMPORTERS.classes.items()
    ]
    rows += [{"format": name, "for": "export"} | _told(cls) for name, cls in EXPORTERS.classes.items()]
    columns = pa.schema([(name, pa.string()) for name in ("format", "for", "license", "files", "settings", "what")])
    show_rows(pa.Table.from_pylist(rows, schema=columns), output)


@app.command()
def run(
    recipe: Annotated[Path, typer.Argument(metavar="RECIPE.yaml", help="A recipe file; see flows/recipes.")],
    set_: Set = None,
    plan: Annotated[bool, typer.Option("--plan", help="Say what the next calls would take, and make none.")] = False,
    max_calls: Annotated[int | None, typer.Option(help="Stop after so many model calls.")] = None,
    max_cost: Annotated[float | None, typer.Option(help="Stop before the calls cost more US dollars.")] = None,
    max_minutes: Annotated[float | None, typer.Option(help="Begin no call after so many minutes.")] = None,
    warehouse: Warehouse = DEFAULT_WAREHOUSE,
) -> None:
    """Run a recipe: its data stages, and then its training jobs on the version it published.

    A run that stops at a limit, or is killed, goes on from there with the same command.
    """
    from flows.recipe import load
    from flows.server import use_server_of
    from warehouse.lake import Lake

    overrides = assigned(set_)
    limits = {"max_calls": max_calls, "max_cost": max_cost, "max_minutes": max_minutes}
    overrides |= {f"limits.{name}": value for name, value in limits.items() if value is not None}
    wanted = load(recipe, overrides)
    use_server_of(warehouse)
    from flows.curate import curate, print_plan

    with Lake.create(warehouse) as lake:
        if plan:
            print_plan(lake, wanted)
            return
    label = curate(str(recipe), str(warehouse), overrides)
    if label is None:
        return
    typer.echo(label)
    if wanted.train:
        from flows.retrain import retrain  # loads torch

        for folder in retrain(label, str(recipe), str(warehouse), overrides):
            typer.echo(folder)


@app.command()
def iterate(
    recipe: Annotated[
        Path, typer.Argument(metavar="RECIPE.yaml", help="It trains the policy that answers its prompts.")
    ],
    times: Annotated[int, typer.Option(min=1, help="How often.")] = 3,
    set_: Set = None,
    warehouse: Warehouse = DEFAULT_WAREHOUSE,
) -> None:
    """Answer, judge, pair, publish and train again and again, each time with the policy made last: online DPO.

    Every time has prompts of its own. What is done stays: the same command goes on from there.
    """
    from flows.server import use_server_of

    use_server_of(warehouse)
    from flows.iterate import iterate as run_iterations

    overrides = assigned(set_)
    for label in run_iterations(str(recipe), str(warehouse), times, overrides):
        typer.echo(label)


@app.command()
def principles(
    recipe: Annotated[
        Path, typer.Argument(metavar="RECIPE.yaml", help="A recipe with `principles`, whose prompts have feedback.")
    ],
    publish_as: Annotated[
        str | None,
        typer.Option("--publish", metavar="NAME", help="Publish yes or no to each as pairs of this dataset."),
    ] = None,
    tune_theta: Annotated[
        bool, typer.Option("--tune-theta", help="Print the `theta` that keeps --share of them; store no decision.")
    ] = False,
    share: Annotated[float, typer.Option(min=0.0, max=1.0, help="To be kept; RLBFF keeps a twelfth.")] = 1 / 12,
    set_: Set = None,
    warehouse: Warehouse = DEFAULT_WAREHOUSE,
    output: Format = "table",
) -> None:
    """Read people's feedback into principles on which they agree, and publish them for `train entailment` (RLBFF).

    Without --publish, say how many principles are kept, and why the others are not.
    """
    from flows.server import use_server_of

    use_server_of(warehouse)
    from flows.feedback import counted_principles, publish_principles, theta_of
    from flows.recipe import load
    from warehouse.lake import Lake

    wanted = load(recipe, assigned(set_))
    with Lake.open(warehouse) as lake:
        if tune_theta:
            typer.echo(f"{theta_of(lake, wanted, share):.6f}")
        elif publish_as:
            typer.echo(publish_principles(lake, wanted, publish_as).version.label)
        else:
            show_rows(counted_principles(lake, wanted), output)


@app.command()
def reparse(
    recipe: Annotated[Path, typer.Argument(metavar="RECIPE.yaml", help="A recipe whose judges are to read again.")],
    warehouse: Warehouse = DEFAULT_WAREHOUSE,
    output: Format = "table",
) -> None:
    """Read every stored reply to a recipe's judges with today's parsers; show what changed. Makes no call."""
    from flows.recipe import load
    from flows.reparse import reparse as read_again
    from warehouse.lake import Lake

    with Lake.open(warehouse) as lake:
        show_rows(read_again(lake, load(recipe)), output)


@app.command()
def vote(
    label: Annotated[str, typer.Argument(metavar="NAME@V", help="The version whose pairs are voted on.")],
    ensemble: Annotated[
        list[str] | None, typer.Option("--ensemble", metavar="MODEL", help="Train voters from this model.")
    ] = None,
    model: Annotated[list[str] | None, typer.Option("--model", help="A stored reward model that votes.")] = None,
    judge: Annotated[
        list[str] | None, typer.Option("--judge", metavar="NAME:MODEL", help="An annotator whose stored votes count.")
    ] = None,
    set_: Set = None,
    warehouse: Warehouse = DEFAULT_WAREHOUSE,
    output: Format = "table",
) -> None:
    """Measure how strongly voters prefer each pair's chosen side; publish a successor that treats pairs by it."""
    from flows.recipe import vote_of
    from flows.voting import vote_alone
    from warehouse.lake import Lake

    changes = assigned(set_)
    wanted = vote_of({"ensembles": ensemble or (), "models": model or (), "judges": judge or ()}, changes)
    with Lake.open(warehouse) as lake:
        show_rows(vote_alone(lake, label, wanted), output)


def _told(plugin: type[Plugin]) -> dict[str, str]:
    """What a format carries and what it cannot, without the example; and its settings, with their defaults."""
    paragraphs = inspect.cleandoc(plugin.__doc__ or "").split("\n\n")
    prose = [" ".join(text.split()) for text in paragraphs if not text.startswith("`{")]
    settings = [f"{name}={field.default}" for name, field in plugin.model_fields.items() if name != "source"]
    return {"what": " ".join(prose), "settings": " ".join(settings)}
