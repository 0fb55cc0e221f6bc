"""Measure models and judges."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from flows.commands import DEFAULT_WAREHOUSE, Format, Warehouse

app = typer.Typer()
evaluate = typer.Typer(
    help="Measure models and judges: on held-out pairs, by a benchmark, or checkpoint by checkpoint.",
    no_args_is_help=True,
)
app.add_typer(evaluate, name="evaluate")
RewardModel = Annotated[
    str, typer.Argument(metavar="MODEL", help="A folder, NAME@V/OBJECTIVE, a hub name, or FILE.json with an ensemble.")
]
MaxLength = Annotated[
    int | None,
    typer.Option(min=2, help="Most tokens of prompt and response together; what the model was made to read if absent."),
]
Points = Annotated[bool, typer.Option("--points", help="Print the points of the curves.")]
Picture = Annotated[Path | None, typer.Option("-o", "--out", help="An SVG picture of the curves to write.")]


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


def _say_if_lost(warehouse: Path, kept: bool) -> None:
    if not kept:
        typer.echo(f"Not kept: {warehouse} is no warehouse; create one with: prefinery init {warehouse}", err=True)
