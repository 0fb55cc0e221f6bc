"""The command line. Each command is a thin shell; what is heavy is imported when a command needs it."""

from __future__ import annotations

import inspect
import os
import sys
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from schemas.disk import disk_errors
from schemas.errors import ConfigError, PrefineryError, WarehouseError

if TYPE_CHECKING:
    import pyarrow as pa

    from schemas.base import Plugin

app = typer.Typer(
    help="A data-centric pipeline for preference data: generate, judge, version, train.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

evaluate = typer.Typer(
    help="Measure models: on held-out pairs, by a benchmark, or checkpoint by checkpoint.", no_args_is_help=True
)
app.add_typer(evaluate, name="evaluate")
rubrics = typer.Typer(help="Rubrics in people's hands: import, show, edit.", no_args_is_help=True)
app.add_typer(rubrics, name="rubrics")

Warehouse = Annotated[
    Path, typer.Option("--warehouse", "-w", envvar="PREFINERY_WAREHOUSE", help="The warehouse folder.")
]
Format = Annotated[str, typer.Option("--format", help="table, csv, json, or parquet where rows are printed.")]
RewardModel = Annotated[
    str, typer.Argument(metavar="MODEL", help="A folder, NAME@V/OBJECTIVE, a hub name, or FILE.json with an ensemble.")
]
MaxLength = Annotated[
    int | None,
    typer.Option(min=2, help="Most tokens of prompt and response together; what the model was made to read if absent."),
]
Limit = Annotated[int | None, typer.Option(min=1, help="Most rows; 100 of a table, and all of a file, if absent.")]
By = Annotated[str, typer.Option("--by", metavar="NAME", help="Who wrote it; stored as its writer.")]
DEFAULT_WAREHOUSE = Path(".prefinery")


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


@app.command("import")
def import_(
    format_: Annotated[str, typer.Argument(metavar="FORMAT", help="A name that `prefinery formats` lists.")],
    paths: Annotated[
        list[str], typer.Argument(metavar="PATH...", help="Files, folders of them, or hf://datasets/OWNER/NAME[@REV].")
    ],
    source: Annotated[
        str | None, typer.Option(help="Value of the `source` column; the format's name if absent.")
    ] = None,
    set_: Annotated[list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Change one setting.")] = None,
    warehouse: Warehouse = DEFAULT_WAREHOUSE,
    output: Format = "table",
) -> None:
    """Bring in prompts, responses, votes or scores; every record is kept, or dropped with a reason."""
    import pyarrow as pa

    from curation.importers import IMPORTERS, import_paths
    from training.progress import shown
    from warehouse.hub import fetched
    from warehouse.lake import Lake

    changes = dict(_assignment(text) for text in set_ or [])
    importer = IMPORTERS.build({"name": format_, "source": source, **changes})
    files = fetched(paths, importer.suffixes)
    with Lake.create(warehouse) as lake, shown() as report:
        done = import_paths(lake, importer, files, watch=partial(report, f"import {importer.origin} (MB)"))
    rows = [{"what": "records read", "rows": done.funnel.read}, {"what": "records kept", "rows": done.funnel.kept}]
    rows += [{"what": f"dropped: {reason}", "rows": n} for reason, n in sorted(done.funnel.dropped.items())]
    rows += [{"what": f"new {table}", "rows": n} for table, n in done.new.items()]
    rows += [{"what": f"note: {note.kind}", "rows": note.rows, "detail": note.detail} for note in done.notes]
    columns = pa.schema([("what", pa.string()), ("rows", pa.int64()), ("detail", pa.string())])
    _show(pa.Table.from_pylist(rows, schema=columns), output)


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
    _show(pa.Table.from_pylist(rows, schema=columns), output)


@app.command()
def run(
    recipe: Annotated[Path, typer.Argument(metavar="RECIPE.yaml", help="A recipe file; see flows/recipes.")],
    set_: Annotated[list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Change one key.")] = None,
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

    overrides = dict(_assignment(text) for text in set_ or [])
    limits = {"max_calls": max_calls, "max_cost": max_cost, "max_minutes": max_minutes}
    overrides |= {f"limits.{name}": value for name, value in limits.items() if value is not None}
    wanted = load(recipe, overrides)
    use_server_of(warehouse)
    from flows.curate import curate, print_plan
    from flows.retrain import retrain

    with Lake.create(warehouse) as lake:
        if plan:
            print_plan(lake, wanted)
            return
    label = curate(str(recipe), str(warehouse), overrides)
    if label is None:
        return
    typer.echo(label)
    if wanted.train:
        for folder in retrain(label, str(recipe), str(warehouse), overrides):
            typer.echo(folder)


@app.command()
def iterate(
    recipe: Annotated[
        Path, typer.Argument(metavar="RECIPE.yaml", help="It trains the policy that answers its prompts.")
    ],
    times: Annotated[int, typer.Option(min=1, help="How often.")] = 3,
    set_: Annotated[list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Change one key.")] = None,
    warehouse: Warehouse = DEFAULT_WAREHOUSE,
) -> None:
    """Answer, judge, pair, publish and train again and again, each time with the policy made last: online DPO.

    Every time has prompts of its own. What is done stays: the same command goes on from there.
    """
    from flows.server import use_server_of

    use_server_of(warehouse)
    from flows.iterate import iterate as run_iterations

    overrides = dict(_assignment(text) for text in set_ or [])
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
    set_: Annotated[list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Change one key.")] = None,
    warehouse: Warehouse = DEFAULT_WAREHOUSE,
    output: Format = "table",
) -> None:
    """Read people's feedback into principles on which they agree, and publish them for `train entailment` (RLBFF).

    Without --publish, say how many principles are kept, and why the others are not.
    """
    from flows.server import use_server_of

    use_server_of(warehouse)
    from flows.questions import counted_principles, publish_questions, theta_of
    from flows.recipe import load
    from warehouse.lake import Lake

    wanted = load(recipe, dict(_assignment(text) for text in set_ or []))
    with Lake.open(warehouse) as lake:
        if tune_theta:
            typer.echo(f"{theta_of(lake, wanted, share):.6f}")
        elif publish_as:
            typer.echo(publish_questions(lake, wanted, publish_as).version.label)
        else:
            _show(counted_principles(lake, wanted), output)


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
        _show(read_again(lake, load(recipe)), output)


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
    set_: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="voters.count=5, policy.q_flip=0.1, ...")
    ] = None,
    warehouse: Warehouse = DEFAULT_WAREHOUSE,
    output: Format = "table",
) -> None:
    """Measure how strongly voters prefer each pair's chosen side; publish a successor that treats pairs by it."""
    from flows.recipe import vote_of
    from flows.voting import vote_alone
    from warehouse.lake import Lake

    changes = dict(_assignment(text) for text in set_ or [])
    wanted = vote_of({"ensembles": ensemble or (), "models": model or (), "judges": judge or ()}, changes)
    with Lake.open(warehouse) as lake:
        _show(vote_alone(lake, label, wanted), output)


@app.command()
def versions(
    dataset: Annotated[str | None, typer.Argument(help="One dataset; all if absent.")] = None,
    warehouse: Warehouse = DEFAULT_WAREHOUSE,
    output: Format = "table",
) -> None:
    """List published dataset versions."""
    from warehouse.lake import Lake

    with Lake.open(warehouse, read_only=True) as lake:
        _show(lake.ask("version_list", dataset=dataset), output)


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
        _show(facts(lake, label), output)


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
        _show(pa.Table.from_pylist(found, schema=pa.schema(columns)), output)
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
    _show(changes_for_people(found) if output == "table" and not counts else found, output)


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
    _show(cut(found, output, limit), output)


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
    _show(withdraw(warehouse, source), output)


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
        _show(pa.table({"files_before": [before], "files_after": [after]}), output)


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
    memory: Annotated[str, typer.Option(help="Most memory for a query; beyond it, temporary files.")] = "4GB",
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
    set_: Annotated[list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Change one setting.")] = None,
    warehouse: Warehouse = DEFAULT_WAREHOUSE,
) -> None:
    """Hand a version on: as Parquet with all that training needs, or in the format of another project."""
    from warehouse.export import export_to
    from warehouse.exporters import EXPORTERS
    from warehouse.lake import Lake
    from warehouse.versions import find_version

    exporter = EXPORTERS.build({"name": format_, **dict(_assignment(text) for text in set_ or [])})
    with Lake.open(warehouse, read_only=True) as lake:
        done = export_to(lake, find_version(lake, label), out, exporter)
    typer.echo(done.place)
    for reason, count in done.funnel.dropped.items():
        typer.echo(f"left out: {count} of {done.funnel.read} {done.funnel.unit} ({reason})", err=True)


@app.command()
def train(
    job: Annotated[str, typer.Argument(metavar="JOB", help="reward, dpo, sft, or the name of an objective.")],
    data: Annotated[str, typer.Option("--data", metavar="NAME@V", help="The version to learn from.")],
    model: Annotated[
        str, typer.Option("--model", help="Where to start: a folder, a hub name, sandbox/NAME, scratch/4x128.")
    ],
    out: Annotated[Path, typer.Option("--out", help="The folder of the trained model.")],
    set_: Annotated[list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Change one setting.")] = None,
    warehouse: Warehouse = DEFAULT_WAREHOUSE,
    output: Format = "table",
) -> None:
    """Train one model from a named version, and measure it on the held-out split."""
    import pyarrow as pa

    from flows.retrain import train_one
    from warehouse.lake import Lake
    from warehouse.versions import find_version

    changes = dict(_assignment(text) for text in set_ or [])
    with Lake.open(warehouse) as lake:
        metrics = train_one(lake, find_version(lake, data), job, model, changes, out)
    _show(pa.Table.from_pylist([{"metric": name, "value": value} for name, value in metrics.items()]), output)


@evaluate.command("reward")
def evaluate_reward(
    model: RewardModel,
    data: Annotated[
        str, typer.Option("--data", metavar="NAME@V|FOLDER", help="A version, or a folder with an export of one.")
    ],
    reference: Annotated[
        str | None, typer.Option(help="Where the training of a policy began: measures its implicit reward.")
    ] = None,
    max_length: MaxLength = None,
    warehouse: Warehouse = DEFAULT_WAREHOUSE,
    output: Format = "table",
) -> None:
    """Measure a reward model, or with its reference a policy, on the held-out pairs of a version.

    Accuracy, NLL, Brier score and calibration with 95 % intervals over prompts, of all pairs and by strength, source
    and length; the best temperature, fitted on half of the prompts and reported on the other; correlation with length.
    """
    from flows.measure import measure_reward

    _say_if_lost(warehouse, measure_reward(warehouse, model, data, max_length, output, reference))


@evaluate.command("generalisation")
def evaluate_generalisation(
    model: RewardModel,
    policy: Annotated[str, typer.Argument(help="A policy trained on pairs: NAME@V/OBJECTIVE, a folder or a hub name.")],
    reference: Annotated[str, typer.Option(help="Where the policy's training began.")],
    data: Annotated[
        list[str],
        typer.Option(
            "--data", metavar="NAME@V|FOLDER", help="Repeatable: what they were trained on, and what is unlike it."
        ),
    ],
    warehouse: Warehouse = DEFAULT_WAREHOUSE,
    output: Format = "table",
) -> None:
    """Compare a reward model with a policy's implicit reward, on the held-out pairs of several versions.

    Accuracy of each, ties half, and the difference, paired, with 95 % intervals over prompts.
    """
    from flows.measure import measure_generalisation

    _say_if_lost(warehouse, measure_generalisation(warehouse, model, policy, reference, data, output))


@evaluate.command("policy")
def evaluate_policy(
    model: Annotated[
        str, typer.Argument(metavar="MODEL", help="A folder that a policy was trained into, or NAME@V/OBJECTIVE.")
    ],
    judge: Annotated[
        list[str] | None, typer.Option(help="A reward model that did not reward it; a folder, NAME@V/OBJECTIVE, ...")
    ] = None,
    compare: Annotated[
        Path | None, typer.Option(metavar="RECIPE.yaml", help="Ask its comparing judges, in both orders.")
    ] = None,
    out: Annotated[Path | None, typer.Option("-o", "--out", help="The HTML page of the run to write.")] = None,
    prompts: Annotated[int, typer.Option(min=2, help="Most held-out prompts.")] = 128,
    samples: Annotated[int, typer.Option(min=1, help="Responses to each, by the policy and by its reference.")] = 4,
    max_tokens: Annotated[int | None, typer.Option(min=1, help="Of a response; as in its training if absent.")] = None,
    proxy: Annotated[str | None, typer.Option(help="What rewarded it; as its record says if absent.")] = None,
    reference: Annotated[
        str | None, typer.Option(help="Where its training began; as its record says if absent.")
    ] = None,
    data: Annotated[
        str | None, typer.Option("--data", metavar="NAME@V|FOLDER", help="Held-out prompts; its own if absent.")
    ] = None,
    warehouse: Warehouse = DEFAULT_WAREHOUSE,
    output: Format = "table",
) -> None:
    """Say what became of a policy: whether its reward is hacked, how far it went, if it wins, and what it lost.

    Rewards, win rates (also at equal length), KL, entropy, length and diversity beside the model it started from, with
    95 % intervals over held-out prompts, and alarms of its run. The page adds the curves of the run.
    """
    from flows.diagnose import Wanted, diagnose

    given = {"judges": judge or (), "compare": compare, "proxy": proxy, "reference": reference, "data": data}
    wanted = Wanted(**given, prompts=prompts, samples=samples, max_tokens=max_tokens)
    _say_if_lost(warehouse, diagnose(warehouse, model, wanted, output, out))


@evaluate.command("benchmark")
def evaluate_benchmark(
    name: Annotated[
        str,
        typer.Argument(
            metavar="BENCHMARK", help="rewardbench, rewardbench2, rm_bench, judgebench, rewardmath or consistency."
        ),
    ],
    model: RewardModel,
    paths: Annotated[list[Path], typer.Argument(metavar="FILE...", help="JSON lines, JSON, CSV, Parquet or Arrow.")],
    max_length: MaxLength = None,
    warehouse: Warehouse = DEFAULT_WAREHOUSE,
    output: Format = "table",
) -> None:
    """Measure a reward model by a benchmark's protocol, on its files.

    Ties, texts longer than the model reads and records that cannot be read are figures of their own.
    """
    from flows.measure import measure_benchmark

    _say_if_lost(warehouse, measure_benchmark(warehouse, name, model, paths, max_length, output))


@evaluate.command("judges")
def evaluate_judges(
    name: Annotated[str, typer.Argument(metavar="BENCHMARK", help="rewardbench, rm_bench, judgebench or rewardmath.")],
    recipe: Annotated[Path, typer.Argument(metavar="RECIPE.yaml", help="A recipe whose judges are asked.")],
    paths: Annotated[list[Path], typer.Argument(metavar="FILE...", help="JSON lines, JSON, CSV, Parquet or Arrow.")],
    warehouse: Warehouse = DEFAULT_WAREHOUSE,
    output: Format = "table",
) -> None:
    """Measure a recipe's judges by a benchmark's protocol, on its files. Every call is stored; a rerun makes none.

    A judge that compares sees each right answer with each wrong one in both orders; what it contradicts, ties and what
    cannot be read are wrong.
    """
    from flows.server import use_server_of

    use_server_of(warehouse)
    from flows.judge_benchmark import measure_judges

    measure_judges(warehouse, name, recipe, paths, output)


@evaluate.command("checkpoints")
def evaluate_checkpoints(
    path: Annotated[
        Path, typer.Argument(metavar="FILE", help="One row a checkpoint in the order of training, one column a figure.")
    ],
    proxy: Annotated[str, typer.Option(help="The column that training makes larger, such as the mean reward.")],
    gold: Annotated[str, typer.Option(help="The column that is really wanted.")],
    output: Format = "table",
) -> None:
    """Say whether figures of checkpoints move together, and whether the proxy rose at the end while gold fell."""
    from flows.measure import measure_checkpoints

    measure_checkpoints(path, proxy, gold, output)


@evaluate.command("best-of-n")
def best_of_n(
    responses: Annotated[
        Path, typer.Argument(metavar="FILE", help="prompt, response; gold or proxy where no model is named for it.")
    ],
    proxy: Annotated[
        list[str] | None,
        typer.Option(help="A reward model that chooses: a folder, a hub name, an ensemble's FILE.json."),
    ] = None,
    gold: Annotated[str | None, typer.Option(help="A reward model that says what the choice is worth.")] = None,
    n: Annotated[list[int] | None, typer.Option(help="Among how many; powers of 2 if absent.")] = None,
    points: Points = False,
    out: Picture = None,
    output: Format = "table",
) -> None:
    """Say what the best of n responses is worth by gold, when reward models choose it, and where that turns down.

    The file has as many responses of the starting policy for every prompt. Without bias for every n at once; scores
    are in standard deviations of single responses, with 95 % intervals over prompts.
    """
    from flows.overoptimization import show_best_of_n

    show_best_of_n(responses, proxy or [], gold, n or [], points, output, out)


@evaluate.command("overoptimization")
def overoptimization(
    checkpoints: Annotated[
        Path, typer.Argument(metavar="FILE", help="step, prompt, kl, proxy, gold: a row a checkpoint and prompt.")
    ],
    points: Points = False,
    out: Picture = None,
    output: Format = "table",
) -> None:
    """Say where gold turns down while a policy is trained on a proxy, by its checkpoints and by Gao's law.

    The least step is the starting policy. `kl` is in nats, summed over the tokens of the checkpoint's own samples.
    """
    from flows.overoptimization import show_checkpoints

    show_checkpoints(checkpoints, points, output, out)


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
        _show(store(lake, path, by), output)


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
        _show(list_rubrics(lake, wanted), output)


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
def judges(
    judge: Annotated[
        str | None, typer.Option("--judge", metavar="NAME:MODEL", help="One judge; all if absent.")
    ] = None,
    between: Annotated[
        bool, typer.Option("--between", help="A row a figure of every two judges, and of all of them together.")
    ] = False,
    out: Annotated[Path | None, typer.Option("-o", "--out", help="An HTML page with plots to write.")] = None,
    warehouse: Warehouse = DEFAULT_WAREHOUSE,
    output: Format = "table",
) -> None:
    """Say how far to trust each judge: agreement with people and itself, bias, failures, refusals, calibration.

    With --between, how far every two judges agree: percent, Cohen's kappa, conflicts, Kendall's tau; and alpha and
    Fleiss' kappa of all. --format json has every figure with its 95 % interval.
    """
    from flows.trust import show_judges
    from warehouse.lake import Lake

    with Lake.open(warehouse, read_only=True) as lake:
        show_judges(lake, judge, output, out, pairs=between)


Points = Annotated[bool, typer.Option("--points", help="Print the points of the curves.")]
Picture = Annotated[Path | None, typer.Option("-o", "--out", help="An SVG picture of the curves to write.")]


@app.command()
def doctor(warehouse: Warehouse = DEFAULT_WAREHOUSE, output: Format = "table") -> None:
    """Say what this machine can run, and what to install for the rest."""
    from flows.doctor import examine

    _show(examine(warehouse), output)


def _assignment(text: str) -> tuple[str, object]:
    import yaml

    key, equals, value = text.partition("=")
    if not equals or not key:
        raise ConfigError(f"--set {text}: write KEY=VALUE.")
    try:
        return key, yaml.safe_load(value)
    except yaml.YAMLError as error:
        raise ConfigError(f"--set {text}: the value is no YAML; put it in quotes.") from error


def _say_if_lost(warehouse: Path, kept: bool) -> None:
    if not kept:
        typer.echo(f"Not kept: {warehouse} is no warehouse; create one with: prefinery init {warehouse}", err=True)


def _told(plugin: type[Plugin]) -> dict[str, str]:
    """What a format carries and what it cannot, without the example; and its settings, with their defaults."""
    paragraphs = inspect.cleandoc(plugin.__doc__ or "").split("\n\n")
    prose = [" ".join(text.split()) for text in paragraphs if not text.startswith("`{")]
    settings = [f"{name}={field.default}" for name, field in plugin.model_fields.items() if name != "source"]
    return {"what": " ".join(prose), "settings": " ".join(settings)}


def _show(rows: pa.Table, output: str) -> None:
    from flows.tables import show as print_rows

    print_rows(rows, output)


def main() -> None:
    """Entry point: errors that a user can act on become one sentence on standard error and an exit code."""
    # Idle threads must sleep: spinning ones slow everything tenfold when another process uses the same cores.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    os.environ.setdefault("TORCH_CPP_LOG_LEVEL", "ERROR")  # read when torch is loaded; its warnings tear progress bars
    try:
        with disk_errors("A file"):
            app()
    except PrefineryError as error:
        sys.stderr.write(f"error: {error}\n")
        sys.exit(error.exit_code)
    except BrokenPipeError:  # the reader of our output, `head` for example, has gone
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


if __name__ == "__main__":
    main()
