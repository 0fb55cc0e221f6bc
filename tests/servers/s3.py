"""An S3-compatible server of our own."""

import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.error import URLError
from urllib.request import Request, urlopen

from curation.local_server import HOST, free_port

BUCKET = "prefinery"
KEYS = {"AWS_ACCESS_KEY_ID": "somebody", "AWS_SECRET_ACCESS_KEY": "a key that nobody may see"}
PATIENCE_S = 60


@contextmanager
def s3() -> Iterator[str]:
    """The address of a server that has one empty bucket."""
    url = f"http://{HOST}:{(port := free_port())}"
    with tempfile.TemporaryFile() as log:
        command = [sys.executable, "-m", "moto.server", "-H", HOST, "-p", str(port)]
        server = subprocess.Popen(command, stdout=log, stderr=log)
        try:
            _create_bucket(url, server)
            yield url
        finally:
            server.kill()
            server.wait()


def _create_bucket(url: str, server: subprocess.Popen) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while True:
        try:
            with urlopen(Request(f"{url}/{BUCKET}", method="PUT"), timeout=5):
                return
        except (URLError, OSError):
            if server.poll() is not None or time.monotonic() > deadline:
                raise
            time.sleep(0.1)
