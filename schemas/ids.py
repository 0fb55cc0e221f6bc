"""Content ids: the same content has the same id on every machine, so a rerun inserts nothing."""

from __future__ import annotations

import json
from collections.abc import Iterable
from contextlib import suppress
from hashlib import blake2b

import orjson

ID_BYTES = 16
"""128 bits: a collision among 10^12 rows has a chance of about 10^-15."""

TEST_SHARE = 0.1
"""Share of prompts held out for evaluation."""

_encode = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode


def canonical(value: object) -> str:
    """JSON with sorted keys and no spaces: equal values give equal text."""
    return _encode(value)


def content_id(*parts: object) -> str:
    """Hex digest of the parts, 32 characters. The parts must be JSON values."""
    return blake2b(_utf8(parts), digest_size=ID_BYTES).hexdigest()


def _utf8(parts: tuple[object, ...]) -> bytes:
    """`canonical` as bytes. Of texts alone orjson makes the same ones much faster; it writes numbers otherwise."""
    if _is_text(parts):
        with suppress(orjson.JSONEncodeError):  # half a surrogate pair, a key that is no text, or nested too deeply
            return orjson.dumps(parts, option=orjson.OPT_SORT_KEYS)
    return canonical(parts).encode("utf-8", "surrogatepass")


def _is_text(values: Iterable[object]) -> bool:
    """Whether JSON values hold texts and nulls alone, at any depth."""
    for value in values:
        match value:
            case str() | None:
                continue
            case dict():
                inner = value.values()
            case list() | tuple():
                inner = value
            case _:
                return False
        if not _is_text(inner):
            return False
    return True


def draw(*parts: object) -> float:
    """A number in [0, 1) that depends on the parts alone: a coin that adding rows never re-tosses."""
    return int(content_id("draw", *parts)[:13], 16) / 16**13


def seed_of(*parts: object) -> int:
    """A sampling seed in [0, 2^31) derived from the parts, so results do not depend on sharding."""
    return int(content_id("seed", *parts)[:8], 16) >> 1


def split_of(prompt_id: str, test_share: float = TEST_SHARE) -> str:
    """`train` or `test`, by hash of the prompt: a prompt never straddles the two."""
    return "test" if draw("split", prompt_id) < test_share else "train"
