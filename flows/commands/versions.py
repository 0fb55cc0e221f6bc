"""Look at dataset versions, follow their rows, query them, hand them on, and keep the warehouse in order."""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from flows.commands import DEFAULT_WAREHOUSE, Format, Set, Warehouse, assigned, show_rows
from schemas.errors import WarehouseError

app = typer.Typer()
Limit = Annotated[int | None, typer.Option(min=1, help="Most rows; 100 of a table, and all of a file, if absent.")]


@app.command()
def versions(
    dataset: Annotated[str | None, typer.Argument(help="One dataset; all if absent.")] = None,
    warehouse: Warehouse = DEFAULT_WAREHOUSE,
    output: Format = "table",
) -> None:
    """List published dataset versions."""
    from warehouse.lake import Lake

    with Lake.open(warehouse, read_only=True) as lake:
        show_rows(lake.ask("version_list", dataset=dataset), output)


@app.command()
def show(
    label: Annotated[str, typer.Argument(metavar="NAME@V")],
    warehouse: Warehouse = DEFAULT_WAREHOUSE,
    output: Format = "table",
) -> None:
    """Show one version: its counts, its funnel with drop reasons, and the models trained from it."""
    from warehouse.lake import Lake
    from warehouse.versions import facts

    with Lake.open(warehouse, read_only=True) as lake:
        show_rows(facts(lake, label), output)


@app.command()
def verify(
    label: Annotated[str, typer.Argument(metavar="NAME@V")],
    warehouse: Warehouse = DEFAULT_WAREHOUSE,
    output: Format = "table",
) -> None:
    """Read a version's data again, byte by byte; name the file and row group of whatever has changed."""
    import pyarrow as pa

    from warehouse.lake import Lake
    from warehouse.versions import damages

    with Lake.open(warehouse, read_only=True) as lake:
        found = [asdict(damage) for damage in damages(lake, label)]
    if found or output != "table":
        columns = [("file", pa.string()), ("row_group", pa.int32()), ("what", pa.string())]
        show_rows(pa.Table.from_pylist(found, schema=pa.schema(columns)), output)
    if found:
        raise WarehouseError(f"{label} is damaged; restore the files above from a backup.")
    if output == "table":
        typer.echo(f"{label} is what was published.")


@app.command()
def diff(
    old: Annotated[str, typer.Argument(metavar="NAME@V1")],
    new: Annotated[str, typer.Argument(metavar="NAME@V2")],
    counts: Annotated[bool, typer.Option("--counts", help="Count the changes by cause.")] = False,
    limit: Limit = None,
    warehouse: Warehouse = DEFAULT_WAREHOUSE,
    output: Format = "table",
) -> None:
    """Say which pairs were added, removed, flipped or re-weighted between two versions, and why.

    A table has the short ids; csv, json and parquet have all columns.
    """
    from flows.traces import changes_for_people, cut
    from warehouse.lake import Lake
    from warehouse.trace import diff as differences

    with Lake.open(warehouse, read_only=True) as lake:
        found = differences(lake, old, new)
    if counts:
        found = found.group_by(["change", "cause"]).aggregate([([], "count_all")])
        found = found.rename_columns(["change", "cause", "pairs"]).sort_by([("pairs", "descending")])
    found = cut(found, output, limit)
    show_rows(changes_for_people(found) if output == "table" and not counts else found, output)


@app.command()
def lineage(
    what: Annotated[str, typer.Argument(metavar="NAME@V|PAIR|NAME", help="A version, the id of a pair, or a name.")],
    kind: Annotated[
        str | None, typer.Option("--kind", help="What a name is: source, license, model, annotator or user.")
    ] = None,
    limit: Limit = None,
    warehouse: Warehouse = DEFAULT_WAREHOUSE,
    output: Format = "table",
) -> None:
    """Say what a version or a pair came from; or, with --kind, which versions and models hold a source or a user.

    A pair may be named by the first characters of its id. The models are those trained from a version, and those that
    started from them or were rewarded by them.
    """
    from flows.traces import cut, steps_for_people
    from warehouse.lake import Lake
    from warehouse.trace import exposure, holdings
    from warehouse.trace import lineage as steps

    with Lake.open(warehouse, read_only=True) as lake:
        if kind:
            found = exposure(lake, kind, what)
        elif "@" in what:
            found = holdings(lake, what)
        else:
            found = steps(lake, what)
            found = steps_for_people(found) if output == "table" else found
    show_rows(cut(found, output, limit), output)


@app.command()
def drop_source(
    source: Annotated[str, typer.Argument(metavar="SOURCE", help="A source of prompts, responses or votes.")],
    warehouse: Warehouse = DEFAULT_WAREHOUSE,
    output: Format = "table",
) -> None:
    """Publish clean successors of all datasets that hold a source, and list the versions and models that held it.

    What retrains on new versions does. A dataset that holds nothing else gets no successor, and is an error.
    """
    from flows.tables import check_format
    from flows.traces import withdraw

    check_format(output)
    show_rows(withdraw(warehouse, source), output)


@app.command()
def sql(
    query: Annotated[
        str | None, typer.Argument(metavar="[QUERY]", help="If absent: what is piped in, or a prompt on a terminal.")
    ] = None,
    at: Annotated[str | None, typer.Option("--at", metavar="NAME@V", help="The data as of a version.")] = None,
    limit: Annotated[
        int | None, typer.Option(min=1, help="Most rows; 100,000 of a table and all of a file if absent.")
    ] = None,
    timeout: Annotated[float, typer.Option(min=0.001, help="Longest time for a query, in seconds.")] = 300.0,
    memory: Annotated[
        str | None, typer.Option(help="Most memory for a query; beyond it, temporary files. 4GB if absent.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option("-o", "--out", help="The file to write; standard output if absent.")
    ] = None,
    warehouse: Warehouse = DEFAULT_WAREHOUSE,
    output: Format = "table",
) -> None:
    """Answer one read-only SQL query, or many at a prompt."""
    from flows.sql import Wish, answer, piped
    from warehouse.readonly import reading

    with reading(warehouse, at=at, memory=memory) as reader:
        wish = Wish(output=output, out=out, limit=limit, timeout_s=timeout)
        if query is None and sys.stdin.isatty() and sys.stdout.isatty():
            from flows.prompt import converse

            converse(reader, wish)
        else:
            answer(reader, piped() if query is None else query, wish)


@app.command()
def export(
    label: Annotated[str, typer.Argument(metavar="NAME@V")],
    out: Annotated[str, typer.Argument(help="The folder to write, or hf://datasets/OWNER/NAME to upload it.")],
    format_: Annotated[
        str, typer.Option("--format", help="parquet (what training reads), or one that `prefinery formats` lists.")
    ] = "parquet",
    set_: Set = None,
    today: Annotated[
        bool, typer.Option("--today", help="With scores, votes, rubrics and facts that came after it was published.")
    ] = False,
    warehouse: Warehouse = DEFAULT_WAREHOUSE,
) -> None:
    """Hand a version on: as Parquet with all that training needs, or in the format of another project."""
    from warehouse.export import export_to
    from warehouse.exporters import EXPORTERS
    from warehouse.lake import Lake
    from warehouse.versions import find_version

    exporter = EXPORTERS.build({"name": format_, **assigned(set_)})
    with Lake.open(warehouse, read_only=True) as lake:
        done = export_to(lake, find_version(lake, label), out, exporter, lake.snapshot() if today else None)
    typer.echo(done.place)
    for reason, count in done.funnel.dropped.items():
        typer.echo(f"left out: {count} of {done.funnel.read} {done.funnel.unit} ({reason})", err=True)


@app.command()
def report(
    labels: Annotated[list[str], typer.Argument(metavar="NAME@V...")],
    out: Annotated[Path, typer.Option("-o", "--out", help="The HTML file to write.")],
    warehouse: Warehouse = DEFAULT_WAREHOUSE,
) -> None:
    """Write one HTML page about versions: counts, drops with reasons, judges, models, plots."""
    from flows.report import write_report
    from warehouse.lake import Lake

    with Lake.open(warehouse, read_only=True) as lake:
        write_report(lake, labels, out)
    typer.echo(out)


@app.command()
def compact(warehouse: Warehouse = DEFAULT_WAREHOUSE, output: Format = "table") -> None:
    """Merge small data files, so that queries open fewer; `prefinery gc` then removes the small ones."""
    import pyarrow as pa

    from warehouse.collect import compact as merge
    from warehouse.lake import Lake

    with Lake.open(warehouse) as lake:
        before, after = merge(lake)
    if output == "table":
        typer.echo(f"{before:,} data files became {after:,}.")
    else:
        show_rows(pa.table({"files_before": [before], "files_after": [after]}), output)


@app.command()
def gc(
    yes: Annotated[bool, typer.Option("--yes", help="Reclaim without asking.")] = False,
    grace_minutes: Annotated[
        float, typer.Option(min=0, help="Leave what was needed within so many minutes: somebody may read it.")
    ] = 60,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="List only; remove nothing.")] = False,
    warehouse: Warehouse = DEFAULT_WAREHOUSE,
    output: Format = "table",
) -> None:
    """Show what no published version needs, and remove exactly that after a yes."""
    from datetime import timedelta

    from flows.collect import reclaim

    reclaim(warehouse, timedelta(minutes=grace_minutes), yes=yes, dry_run=dry_run, output=output)
