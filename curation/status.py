"""What a reply came to: a pure function of the request and the stored text."""

from __future__ import annotations

import json
import re
from functools import lru_cache
from math import isinf
from typing import Any

import jsonschema_rs

from schemas.calls import Reply, Request, Status, Structure

REFUSAL = re.compile(
    r"\s*(I(['\u2019]| a)m (very |so )?sorry|I apologi[sz]e|sorry,|I (can|could|will|wo)(no|n['\u2019]|['\u2019])t |"
    r"I(['\u2019]| a)m (unable|not able))",
    re.IGNORECASE,
)
"""How replies begin that decline; looked for only where a structure was asked for and the text has none."""


HALF_PAIR = re.compile(r"\\u[dD][89a-fA-F]")
"""How an escape begins that may be half a surrogate pair."""


class RepeatedKey(ValueError):
    """An object names a key twice: which value is meant cannot be known."""


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


def json_value(text: str, *, endless: bool = False) -> Any:
    """The JSON value that a text is, as a whole, as the standard has it. Raises ValueError when it is none.

    Not JSON: half a surrogate pair, and NaN and infinite numbers unless they are allowed as `endless`: a model must not
    write them, but log-probabilities have them. RepeatedKey when an object repeats a key.
    """
    finite = {} if endless else {"parse_constant": _refused, "parse_float": _finite}
    try:
        value = json.loads(text, object_pairs_hook=_distinct, **finite)
    except RecursionError as error:
        raise ValueError("The text is nested too deeply.") from error
    if HALF_PAIR.search(text):  # half a surrogate pair can be written so, but is no text that can be stored
        json.dumps(value, ensure_ascii=False).encode()
    return value


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise RepeatedKey("An object names a key twice.")
    return found


def _finite(digits: str) -> float:
    if isinf(number := float(digits)):
        raise ValueError("A number is too large.")
    return number


def _refused(name: str) -> float:
    raise ValueError(f"{name} is not JSON.")


def _fits(structure: Structure, text: str) -> tuple[Status, str | None]:
    if structure.kind == "choice":
        fits = text.strip() in _choices(structure.text)
        return ("ok", None) if fits else _misses(text, "The reply is none of the choices.")
    if structure.kind == "regex":
        fits = _pattern(structure.text).fullmatch(text.strip())
        return ("ok", None) if fits else _misses(text, "The reply does not match the pattern.")
    try:
        value = json_value(text)
    except RepeatedKey as error:
        return "invalid", str(error)
    except ValueError:
        return _misses(text, "The reply is not JSON.")
    error = next(_validator(structure.text).iter_errors(value), None)
    return ("ok", None) if error is None else ("invalid", error.message[:200])


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
