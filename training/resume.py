"""A run in progress on disk: what it takes to go on after it was killed, as if nothing had happened."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from accelerate import Accelerator, PartialState

from schemas.errors import ConfigError
from schemas.ids import canonical

RUN = "run.json"
HISTORY = "history.jsonl"
BEST = "best"


def claim(folder: Path, run: Mapping[str, Any]) -> None:
    """Make `folder` the place of this run. Raises ConfigError where another one has not ended."""
    identity, known = canonical(run), folder / RUN
    if known.is_file() and known.read_text(encoding="utf-8") != identity:
        raise ConfigError(
            f"{folder} holds a run on other data or with other settings that has not ended; "
            "end it as it was begun, remove the folder, or name another --out."
        )
    state = PartialState()
    state.wait_for_everyone()
    if state.is_main_process:
        folder.mkdir(parents=True, exist_ok=True)
        known.write_text(identity, encoding="utf-8")


def keep(accelerator: Accelerator, folder: Path, history: Sequence[Mapping[str, float]]) -> None:
    """Store weights, optimizer, random states, and the metrics of all steps so far; older ones of `folder` go."""
    whole = folder / f"step-{len(history):09d}"
    _store(accelerator, whole, history)
    if accelerator.is_main_process:
        for old in set(folder.glob("step-*")) - {whole}:
            shutil.rmtree(old)


def take_up(accelerator: Accelerator, folder: Path) -> list[dict[str, float]]:
    """Load what was kept last; returns the metrics of all steps so far, none where nothing was kept."""
    # The newest is whole: it got its name when all was in it, and only older ones are removed.
    kept = sorted(folder.glob("step-*"))
    if not kept:
        return []
    accelerator.load_state(str(kept[-1]))
    return [json.loads(line) for line in (kept[-1] / HISTORY).read_text(encoding="utf-8").splitlines()]


def keep_best(accelerator: Accelerator, folder: Path) -> None:
    """Store the weights as the best so far."""
    _store(accelerator, folder / BEST)


def take_best(accelerator: Accelerator, folder: Path) -> None:
    """Load the best weights."""
    accelerator.load_state(str(folder / BEST))


def _store(accelerator: Accelerator, whole: Path, history: Sequence[Mapping[str, float]] = ()) -> None:
    draft = whole.with_name("draft")
    if accelerator.is_main_process:
        shutil.rmtree(draft, ignore_errors=True)
    accelerator.wait_for_everyone()
    accelerator.save_state(str(draft))
    accelerator.wait_for_everyone()
    if accelerator.is_main_process:
        text = "".join(f"{json.dumps(step)}\n" for step in history)
        (draft / HISTORY).write_text(text, encoding="utf-8")
        shutil.rmtree(whole, ignore_errors=True)
        draft.rename(whole)
    accelerator.wait_for_everyone()
