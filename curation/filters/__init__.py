"""Prompts that a run must not use, left out before anything is asked. A filter decides on one; the loop is here."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from schemas.base import Plugin
from schemas.drops import Drop
from schemas.prompts import Prompt
from schemas.registry import Registry


class Fault(NamedTuple):
    """Why a prompt is left out: the reason in its drop, and what more there is to say."""

    reason: str
    detail: str | None = None


class Filter(Plugin):
    """Says which prompts are left out."""

    @abstractmethod
    def fault(self, prompt: Prompt) -> Fault | None:
        """Why to leave the prompt out; None to use it."""


FILTERS = Registry("curation.filters", Filter)


def filtered(
    filters: Sequence[Filter], prompts: Iterable[Prompt], run_id: str | None = None
) -> tuple[list[Prompt], list[Drop]]:
    """The prompts that pass every filter, and a drop for each other one with the first fault found."""
    kept: list[Prompt] = []
    drops: list[Drop] = []
    for prompt in prompts:
        fault = next(filter(None, (one.fault(prompt) for one in filters)), None)
        if fault is None:
            kept.append(prompt)
        else:
            drops.append(
                Drop.of("filter", "prompt", fault.reason, row_id=prompt.prompt_id, detail=fault.detail, run_id=run_id)
            )
    return kept, drops
