"""JSON as the standard has it: what models write is read by this, and by nothing laxer."""

from __future__ import annotations

import json
import re
from math import isinf
from typing import Any

HALF_PAIR = re.compile(r"\\u[dD][89a-fA-F]")
"""How an escape begins that may be half a surrogate pair."""


class RepeatedKey(ValueError):
    """An object names a key twice: which value is meant cannot be known."""


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
