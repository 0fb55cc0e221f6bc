"""A Postgres server of our own. Its programs refuse to run as root: there, another user owns the server."""

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from curation.local_server import HOST, free_port

USER = "prefinery"
PASSWORD = "a word that nobody may see"
UNPRIVILEGED = "nobody"
PATIENCE_S = 30


def programs() -> Path | None:
    """The folder of initdb and postgres, or None where they are not installed."""
    if found := shutil.which("initdb"):
        return Path(found).resolve().parent
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    return folders[-1] if folders else None


@dataclass
class Postgres:
    """A running server. Clients take its password from PGPASSWORD."""

    port: int
    databases: int = 0

    def new_database(self) -> str:
        """The URL of an empty database."""
        self.databases += 1
        name = f"lake_{self.databases}"
        self.run("createdb", name)
        return f"postgresql://{USER}@{HOST}:{self.port}/{name}"

    def run(self, program: str, *arguments: str) -> str:
        command = [str(programs() / program), "-h", HOST, "-p", str(self.port), "-U", USER, *arguments]
        env = os.environ | {"PGPASSWORD": PASSWORD}
        return subprocess.run(command, env=env, check=True, capture_output=True, text=True).stdout


@contextmanager
def postgres() -> Iterator[Postgres]:
    folder = Path(tempfile.mkdtemp(prefix="prefinery-postgres-"))
    owner = {"user": UNPRIVILEGED, "extra_groups": []} if os.geteuid() == 0 else {}
    if owner:
        shutil.chown(folder, UNPRIVILEGED)
    secret, data, port = folder / "password", folder / "data", free_port()
    secret.write_text(PASSWORD)
    secret.chmod(0o644)
    options = ["-U", USER, "-A", "scram-sha-256", "--pwfile", str(secret), "-E", "UTF8", "--locale", "C", "--no-sync"]
    subprocess.run(
        [str(programs() / "initdb"), "-D", str(data), *options],
        check=True, capture_output=True, cwd=folder, **owner,
    )  # fmt: skip
    settings = [f"port={port}", f"listen_addresses={HOST}", f"unix_socket_directories={folder}", "fsync=off"]
    command = [str(programs() / "postgres"), "-D", str(data), *(part for text in settings for part in ("-c", text))]
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen(command, stdout=log, stderr=log, cwd=folder, **owner)
    try:
        started = Postgres(port)
        _await(started, server)
        yield started
    finally:
        _end(server)
        shutil.rmtree(folder, ignore_errors=True)


def _await(started: Postgres, server: subprocess.Popen) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while True:
        try:
            started.run("psql", "-d", "postgres", "-c", "select 1")
        except subprocess.CalledProcessError:
            if server.poll() is not None or time.monotonic() > deadline:
                raise
            time.sleep(0.1)
        else:
            return


def _end(server: subprocess.Popen) -> None:
    server.send_signal(signal.SIGINT)  # do not wait for clients
    try:
        server.wait(PATIENCE_S)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()
