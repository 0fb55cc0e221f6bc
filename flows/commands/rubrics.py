"""Rubrics in people's hands."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from flows.commands import DEFAULT_WAREHOUSE, Format, Warehouse, show_rows

app = typer.Typer()
rubrics = typer.Typer(help="Rubrics in people's hands: import, show, edit.", no_args_is_help=True)
app.add_typer(rubrics, name="rubrics")
By = Annotated[str, typer.Option("--by", metavar="NAME", help="Who wrote it; stored as its writer.")]


@rubrics.command("import")
def import_rubrics(
    path: Annotated[Path, typer.Argument(metavar="FILE", help="JSON lines or YAML documents, one for each prompt.")],
    by: By = "hand",
    warehouse: Warehouse = DEFAULT_WAREHOUSE,
    output: Format = "table",
) -> None:
    """Store rubrics that somebody wrote, all or none: `prompt` or `prompt_id`, and `items` of kind, text and weight."""
    from flows.rubrics_by_hand import import_rubrics as store
    from warehouse.lake import Lake

    with Lake.open(warehouse) as lake:
        show_rows(store(lake, path, by), output)


@rubrics.command("show")
def show_rubrics(
    wanted: Annotated[
        str | None, typer.Argument(metavar="[PROMPT_ID|RUBRIC_ID]", help="Whose items to list; all rubrics if absent.")
    ] = None,
    warehouse: Warehouse = DEFAULT_WAREHOUSE,
    output: Format = "table",
) -> None:
    """List the stored rubrics, and which is in force for its prompt; or the items of one rubric or prompt."""
    from flows.rubrics_by_hand import list_rubrics
    from warehouse.lake import Lake

    with Lake.open(warehouse, read_only=True) as lake:
        show_rows(list_rubrics(lake, wanted), output)


@rubrics.command("edit")
def edit_rubric(
    rubric_id: Annotated[str, typer.Argument(metavar="RUBRIC_ID", help="The rubric to replace.")],
    add: Annotated[
        list[str] | None, typer.Option("--add", metavar="KIND:TEXT", help="hard:... or principle:...")
    ] = None,
    reword: Annotated[list[str] | None, typer.Option("--reword", metavar="NUMBER=TEXT", help="Another text.")] = None,
    weigh: Annotated[list[str] | None, typer.Option("--weigh", metavar="NUMBER=WEIGHT", help="How it counts.")] = None,
    drop: Annotated[list[int] | None, typer.Option("--drop", metavar="NUMBER", help="An item to leave out.")] = None,
    by: By = "hand",
    warehouse: Warehouse = DEFAULT_WAREHOUSE,
) -> None:
    """Replace a rubric by one with changed items, which names the old one; print its id. Options may be repeated."""
    from flows.rubrics_by_hand import change_of
    from flows.rubrics_by_hand import edit_rubric as store
    from warehouse.lake import Lake

    change = change_of(add or (), reword or (), weigh or (), drop or ())
    with Lake.open(warehouse) as lake:
        typer.echo(store(lake, rubric_id, change, by).rubric_id)
