"""`python -m training JOB --data FOLDER --model PATH --out DIR`: train on a machine that has nothing else installed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from schemas.errors import ConfigError, PrefineryError

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def main(
    job: Annotated[str, typer.Argument(help="reward, dpo, sft or any objective")],
    data: Annotated[Path, typer.Option(help="folder of an exported dataset version")],
    model: Annotated[str, typer.Option(help="model folder, or owner/name on the hub")],
    out: Annotated[Path, typer.Option(help="folder for the trained model")],
    cache: Annotated[Path | None, typer.Option(help="folder that keeps reference log-probabilities for later")] = None,
    change: Annotated[list[str] | None, typer.Option("--set", help="beta=0.3, fit.learning_rate=1e-4 ...")] = None,
) -> None:
    """Train JOB from an exported dataset version and measure it on the held-out split."""
    try:
        changes = dict(parse_change(text) for text in change or [])
        from training.progress import shown
        from training.train import train

        with shown() as report:
            trained = train(job, data, model, out, changes, report=report, cache=cache)
    except PrefineryError as error:
        typer.echo(f"Error: {error}", err=True)
        raise typer.Exit(error.exit_code) from error
    typer.echo(json.dumps({"path": str(trained.path), "metrics": trained.metrics}, indent=2))


def parse_change(text: str) -> tuple[str, Any]:
    """`key=value`, the value as JSON where it is JSON and as text otherwise."""
    key, equals, value = text.partition("=")
    if not (key and equals):
        raise ConfigError(f"--set {text}: write key=value.")
    try:
        return key, json.loads(value)
    except ValueError:
        return key, value


if __name__ == "__main__":
    app()
