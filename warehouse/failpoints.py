"""Named points of a write at which a test lets the process die."""

import os
import signal
from itertools import count

VARIABLE = "PREFINERY_DIE_AT"
"""`POINT`, or `POINT:N` for the Nth time that it is reached."""

_times = count(1)


def reach(point: str) -> None:
    """Die at once, as by `kill -9`, if the environment says so; else do nothing."""
    wanted, _, number = os.environ.get(VARIABLE, "").partition(":")
    if wanted == point and next(_times) == int(number or 1):
        os.kill(os.getpid(), signal.SIGKILL)
