"""The command line."""

from __future__ import annotations

import os
import sys

import typer

from flows.commands import curating, evaluating, rubrics, start, training, versions
from schemas.disk import disk_errors
from schemas.errors import DiskError, PrefineryError

app = typer.Typer(
    help="A data-centric pipeline for preference data: generate, judge, version, train.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
for theme in (start, curating, rubrics, versions, training, evaluating):
    app.add_typer(theme.app)


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
        if isinstance(error, DiskError):
            _forget_output()
        sys.exit(error.exit_code)
    except BrokenPipeError:  # the reader of our output, `head` for example, has gone
        _forget_output()


def _forget_output() -> None:
    """Let what waits in the buffer of standard output go nowhere: Python would fail at its end over it once more."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


if __name__ == "__main__":
    main()
