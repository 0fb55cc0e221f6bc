"""What a reply came to: a pure function of the request and the stored text."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import jsonschema_rs

from curation.contracts import How
from curation.contracts.json_object import JsonObject
from curation.json_text import RepeatedKey, json_value
from schemas.calls import Reply, Request, Status, Structure

REFUSAL = re.compile(
    r"\s*(I(['\u2019]| a)m (very |so )?sorry|I apologi[sz]e|sorry,|I (can|could|will|wo)(no|n['\u2019]|['\u2019])t |"
    r"I(['\u2019]| a)m (unable|not able))",
    re.IGNORECASE,
)
"""How replies begin that decline; looked for only where a structure was asked for and the text has none."""

HOW: Mapping[How, str | None] = {
    "ok": None,
    "repaired": "The reply is JSON but for surplus commas.",
    "bracketed": "The reply is an object with prose around it.",
}
"""What is said of a reply that gives its value on a lower rung of the ladder."""


def status_of(request: Request, reply: Reply) -> tuple[Status, str | None]:
    """The status of a reply and, unless it is ok, one sentence that says why."""
    match reply.finish_reason:
        case "too_long":
            return "quarantined", f"The prompt of {reply.prompt_tokens} tokens leaves no room for a reply."
        case "rejected":
            return "quarantined", reply.detail
        case "refused":
            return "refused", reply.detail
        case "length":
            return "truncated", f"The reply ended at {request.sampling.max_tokens} tokens."
    if not reply.text.strip():
        return "invalid", "The reply is empty."
    return ("ok", None) if request.structure is None else _fits(request.structure, reply.text)


def _fits(structure: Structure, text: str) -> tuple[Status, str | None]:
    if structure.kind == "choice":
        fits = text.strip() in _choices(structure.text)
        return ("ok", None) if fits else _misses(text, "The reply is none of the choices.")
    if structure.kind == "regex":
        fits = _pattern(structure.text).fullmatch(text.strip())
        return ("ok", None) if fits else _misses(text, "The reply does not match the pattern.")
    try:
        value, how = _json(text)
    except RepeatedKey as error:
        return "invalid", str(error)
    except ValueError as error:
        return _misses(text, str(error))
    error = next(_validator(structure.text).iter_errors(value), None)
    return (how, HOW[how]) if error is None else ("invalid", error.message[:200])


def _json(text: str) -> tuple[Any, How]:
    """The JSON value of a reply, and what it took to find it. Raises ValueError, and RepeatedKey."""
    try:
        return json_value(text), "ok"
    except RepeatedKey:
        raise
    except ValueError:
        found = JsonObject().read(text)
    if found.failure == "repeated_key":
        raise RepeatedKey("An object names a key twice.")
    if found.value is None or REFUSAL.match(text):
        raise ValueError(
            "The reply holds several objects." if found.failure == "contradictory" else "The reply is not JSON."
        )
    return found.value, found.how


def _misses(text: str, why: str) -> tuple[Status, str]:
    return ("refused", "The reply declines in words.") if REFUSAL.match(text) else ("unparsable", why)


@lru_cache(maxsize=1024)
def _validator(schema: str) -> jsonschema_rs.Validator:
    return jsonschema_rs.validator_for(json.loads(schema))


@lru_cache(maxsize=1024)
def _choices(listing: str) -> frozenset[str]:
    return frozenset(json.loads(listing))


@lru_cache(maxsize=1024)
def _pattern(text: str) -> re.Pattern[str]:
    return re.compile(text)
