"""A JSON object, read down a ladder: as it is, without surplus commas, cut out of prose.

After RewardAnything (arXiv 2506.03637), whose repair by swapping quotes broke every apostrophe: no quote is touched.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from curation.contracts import Contract, How, Reading, failed
from curation.json_text import RepeatedKey, json_value

STRING_OR_COMMA = re.compile(r'("[^"\\]*(?:\\.[^"\\]*)*"?)|,(?=\s*[}\]])', re.DOTALL)
STRING_OR_BRACE = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"?|[{}]', re.DOTALL)
OBJECT = re.compile(r'\{\s*"')
"""How an object with a key begins; `{x}` and `\\frac{1}{2}` in prose do not."""


class JsonObject(Contract):
    """One JSON object. Prose may stand around it, and another object only if it is the same.

    An empty object, a repeated key, NaN and Infinity are no verdict; nor is an object that was cut, or the inner part
    of one.

    Reads `Here it is: {"A": 4, "B": 2, "why": "B doesn't answer",}` as `{"A": 4, "B": 2, "why": "B doesn't answer"}`.
    """

    name = "json_object"

    keys: tuple[str, ...] = ()
    """Keys that the object must have."""

    def read(self, text: str) -> Reading:
        try:
            return self._climb(text.strip())
        except RepeatedKey:
            return failed("repeated_key")
        except ValueError:
            return failed("unparsable")

    def _climb(self, text: str) -> Reading:
        try:
            value, how = _parsed(text)
        except RepeatedKey:
            raise
        except ValueError:
            return self._bracketed(text)
        return self._checked(value, how)

    def _bracketed(self, text: str) -> Reading:
        found = {json.dumps(value, sort_keys=True): value for value, _ in map(_parsed, _objects(text))}
        if not found:
            return failed("missing")
        return self._checked(found.popitem()[1], "bracketed") if len(found) == 1 else failed("contradictory")

    def _checked(self, value: object, how: How) -> Reading:
        if not isinstance(value, dict):
            return failed("unparsable")
        if not value or any(key not in value for key in self.keys):
            return failed("missing")
        return Reading(value=value, how=how)


def _parsed(text: str) -> tuple[Any, How]:
    """The value of a JSON text that may have a comma too many. Raises ValueError."""
    try:
        return json_value(text), "ok"
    except RepeatedKey:
        raise
    except ValueError:
        return json_value(STRING_OR_COMMA.sub(lambda found: found[1] or "", text)), "repaired"


def _objects(text: str) -> Iterator[str]:
    """The outermost objects in prose. Raises ValueError where a brace is never closed: what it holds was cut."""
    start = text.find("{")
    while start >= 0:
        end = _end(text, start)
        if OBJECT.match(text, start):
            yield text[start:end]
        start = text.find("{", end)


def _end(text: str, start: int) -> int:
    depth = 0
    for found in STRING_OR_BRACE.finditer(text, start):
        depth += {"{": 1, "}": -1}.get(found[0], 0)
        if depth == 0 and found[0] == "}":
            return found.end()
    raise ValueError("a brace is never closed")
