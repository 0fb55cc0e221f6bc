"""Start this folder's servers, stop them, and start them again where they were."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

FOLDER = Path(__file__).parent
PATIENCE_S = 5


class Server:
    """One of this folder's scripts as a process. Started again, it comes back on its first port, its counts at zero."""

    def __init__(self, script: str, *arguments: object) -> None:
        self.command = [sys.executable, str(FOLDER / script), *map(str, arguments)]
        self.port = 0
        self.process: subprocess.Popen[str] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    def start(self) -> None:
        command = [*self.command, "--port", str(self.port)]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        first_line = self.process.stdout.readline()
        if not first_line:
            self.stop()
            raise RuntimeError(f"{command} ended before it named its port")
        self.port = int(first_line)

    def stop(self) -> None:
        """End the process; no harm if it has ended."""
        if self.process is None:
            return
        with self.process as process:
            process.terminate()
            try:
                process.wait(PATIENCE_S)
            except subprocess.TimeoutExpired:
                process.kill()
        self.process = None


@contextmanager
def server(script: str, *arguments: object) -> Iterator[str]:
    """The base URL of a server that lives as long as the block."""
    started = Server(script, *arguments)
    started.start()
    try:
        yield started.url
    finally:
        started.stop()
