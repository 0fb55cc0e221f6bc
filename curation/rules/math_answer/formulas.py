"""Whether two formulas are equal, by math-verify, within a time limit."""

from __future__ import annotations

import atexit
import json
import os
import select
import subprocess
import sys
from functools import lru_cache
from threading import Lock

from schemas.errors import UpstreamError

TIME_LIMIT_S = 15.0
"""For one comparison. math-verify itself gives up after some seconds, where Python lets it."""
START_LIMIT_S = 120.0
"""For the first, which loads sympy: slow on a busy machine."""


class Comparer:
    """One worker process, started when it is first asked, and anew after one was given up."""

    def __init__(self, time_limit_s: float = TIME_LIMIT_S) -> None:
        self.time_limit_s = time_limit_s
        self._lock = Lock()
        self._process: subprocess.Popen[bytes] | None = None
        atexit.register(self.close)

    @property
    def process_id(self) -> int | None:
        """Of the worker, None while there is none."""
        return self._process and self._process.pid

    def equal(self, key: str, answer: str) -> bool | None:
        """Whether the answer equals the key; None when it cannot be told in time. Safe to call from any thread."""
        with self._lock:
            if self._process is None or self._process.poll() is not None:
                self.close()
                self._process = _started()
            reply = _ask(self._process, [key, answer], self.time_limit_s)
            if reply is None:
                self.close()
                return None
        return json.loads(reply)

    def close(self) -> None:
        """End the worker."""
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None


def formulas_equal(key: str, answer: str) -> bool | None:
    """Whether math-verify finds the two equal; None when it cannot read them, or not in time."""
    return _comparer(os.getpid()).equal(key, answer)


@lru_cache(maxsize=1)
def _comparer(process_id: int) -> Comparer:  # noqa: ARG001 - a process that was forked must not share its parent's worker
    return Comparer()


def _started() -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "curation.rules.math_answer.worker"]
    quiet = subprocess.DEVNULL
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=quiet, bufsize=0)
    if _ask(process, ["1", "1"], START_LIMIT_S) is None:
        process.kill()
        process.communicate()
        raise UpstreamError(f"Formulas cannot be compared; run `{' '.join(command)}` to see why.")
    return process


def _ask(process: subprocess.Popen[bytes], question: list[str], limit_s: float) -> bytes | None:
    """The worker's line, or None when it is late or dead."""
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        process.stdin.write(json.dumps(question).encode() + b"\n")
    except BrokenPipeError:
        return None
    ready, _, _ = select.select([process.stdout], [], [], limit_s)
    return (process.stdout.readline() or None) if ready else None
