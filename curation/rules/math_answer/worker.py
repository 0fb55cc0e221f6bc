"""Compares formulas in a process of its own: a line `[key, answer]` in, a line `true`, `false` or `null` out.

A formula may ask for more time or memory than there is; then this process is given up, and the judge goes on.
"""

from __future__ import annotations

import json
import resource
import sys

from math_verify import parse, verify
from math_verify.errors import TimeoutException

MEMORY_BYTES = 4 << 30


def equal(key: str, answer: str) -> bool | None:
    """Whether math-verify finds them equal; None when it cannot read one of them, or gives up."""
    try:
        known, said = (parse(f"${text}$", raise_on_error=True) for text in (key, answer))
        if not (known and said) or isinstance(known[0], str) or isinstance(said[0], str):
            return None
        return verify(known, said, raise_on_error=True)
    except (TimeoutException, MemoryError, RecursionError, ArithmeticError, ValueError, TypeError, AttributeError):
        return None


def main() -> None:
    """Answers until the input ends."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    for line in sys.stdin:
        print(json.dumps(equal(*json.loads(line))), flush=True)  # noqa: T201 - the output is the answer


if __name__ == "__main__":
    main()
