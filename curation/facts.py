"""Facts about a prompt: what an answer to it must satisfy, and which answers are known to be right or wrong."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pyarrow as pa

from curation.provenance import SHOWN_CHARS, Note
from curation.records import BadRow, Record, optional_list_of
from curation.status import json_value
from schemas.ids import canonical
from warehouse.lake import Lake
from warehouse.origins import with_facts


def constraint(rule: str, settings: Mapping[str, Any]) -> str:
    """A checkable demand as `prompts.constraints` has it. A setting that is None counts as absent."""
    return canonical({"rule": rule, **{name: value for name, value in settings.items() if value is not None}})


def constraints_of(record: Record, name: str) -> tuple[str, ...] | None:
    """A list of objects `{"rule": id, ...}`, or of their JSON texts; None where it is absent or empty."""
    return tuple(_constraint(one, name) for one in optional_list_of(record, name)) or None


def _constraint(found: object, name: str) -> str:
    if isinstance(found, str):
        try:
            found = json_value(found)
        except ValueError as error:
            raise BadRow("wrong_type", f"{name} holds a text that is no JSON") from error
    if not isinstance(found, dict) or not isinstance(found.get("rule"), str):
        raise BadRow("wrong_type", f'{name} holds {found!r:.{SHOWN_CHARS}}, want {{"rule": id, ...}}')
    return constraint(found["rule"], {key: value for key, value in found.items() if key != "rule"})


def told_otherwise(lake: Lake, prompts: pa.Table) -> Note | None:
    """A note on rows of `prompts` whose facts contradict those in the lake: what was said first stays."""
    brought = with_facts(prompts)
    found = lake.ask("told_otherwise", brought=brought) if brought.num_rows else brought
    if not found.num_rows:
        return None
    detail = f"{found['asked'][0].as_py()[:SHOWN_CHARS]!r}; what was said first stays"
    return Note(kind="prompt known with other facts", detail=detail, rows=found.num_rows)
