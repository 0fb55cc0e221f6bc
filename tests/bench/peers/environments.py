"""Throw-away environments for other people's packages, which must not meet the project's own."""

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

MARKER = "installed.txt"


def environment(name: str, packages: Sequence[str]) -> Path:
    """The python of an environment that holds exactly `packages` and what they need; built at most once."""
    folder = cache() / "bench" / name
    python, marker = folder / "bin" / "python", folder / MARKER
    wanted = "".join(f"{package}\n" for package in packages)
    if marker.is_file() and marker.read_text() == wanted:
        return python
    shutil.rmtree(folder, ignore_errors=True)
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    subprocess.run([python, "-m", "pip", "install", "-qq", *packages], check=True)
    marker.write_text(wanted)
    return python


def cache() -> Path:
    return Path(os.environ.get("PREFINERY_CACHE", Path.home() / ".cache" / "prefinery"))
