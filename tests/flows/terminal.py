"""A terminal that a test types into: a real pseudo-terminal around a real process."""

import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from fcntl import ioctl

ESCAPES = re.compile(r"\x1b(?:\[[0-9;?]*[A-Za-z]|[()][A-Z0-9]|[=>])|\r|\x07")

TAKE_THE_TERMINAL = """
import fcntl, os, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
os.execv(sys.argv[1], sys.argv[1:])
"""


class Terminal:
    """Starts a command in a terminal of `columns` x 24."""

    def __init__(self, command: list[str], env: dict[str, str], columns: int = 100) -> None:
        self.side, theirs = pty.openpty()
        ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        self.process = subprocess.Popen(
            [sys.executable, "-c", TAKE_THE_TERMINAL, *command],
            stdin=theirs, stdout=theirs, stderr=theirs, env=env, start_new_session=True,
        )  # fmt: skip
        os.close(theirs)
        self.shown = ""

    def type(self, text: str) -> None:
        os.write(self.side, text.encode())

    def wait_for(self, text: str, seconds: float = 60.0) -> str:
        """What was shown up to `text`, and forget it; colours and movements are left out."""
        deadline = time.monotonic() + seconds
        while text not in self.shown:
            if not self._read(deadline - time.monotonic()):
                raise AssertionError(f"{text!r} was not shown, but {self.shown!r}")
        before, _, self.shown = self.shown.partition(text)
        return before + text

    def listen(self, seconds: float) -> None:
        """Forget what is shown in the next seconds."""
        deadline = time.monotonic() + seconds
        while self._read(deadline - time.monotonic()):
            pass
        self.shown = ""

    def _read(self, seconds: float) -> bool:
        if seconds <= 0 or not select.select([self.side], [], [], seconds)[0]:
            return False
        try:
            got = os.read(self.side, 65536)
        except OSError:  # the other side is closed
            return False
        self.shown += ESCAPES.sub("", got.decode(errors="replace"))
        return bool(got)

    def ends(self, seconds: float = 30.0) -> int:
        """The exit code."""
        deadline = time.monotonic() + seconds
        while self.process.poll() is None and time.monotonic() < deadline:
            self._read(0.1)
        return self.process.wait(0.1)

    def close(self) -> None:
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
        os.close(self.side)
