"""DynamoDB for tests: dynalite, whose conditional writes are atomic and whose rows survive it; moto for the rest."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

from server.postgres import free_port

_DYNALITE = Path(__file__).parents[2] / ".servers" / "dynamodb" / "node_modules" / "dynalite" / "cli.js"
CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "tests",
    "AWS_SECRET_ACCESS_KEY": "not-a-secret",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
}
"""For the environment: AWS's client must find some, and not those of who runs the tests."""


class DynamodbServer:
    """One running process."""

    def __init__(self, folder: Path, command: Sequence[str], environ: Mapping[str, str]) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._folder = folder
        self._command = [part.format(port=self.port) for part in command]
        self._environ = environ
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start on the same port and data."""
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                self._command,
                cwd=self._folder,
                env={**os.environ, **self._environ},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        deadline = time.monotonic() + 60
        while not self._listens():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError((self._folder / "log").read_text())
            time.sleep(0.02)  # another process: only asking again can tell

    def kill(self) -> None:
        """Stop at once, as a crash would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(30)
            self._process = None

    def _listens(self) -> bool:
        with closing(socket.socket()) as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0


@contextmanager
def run_dynalite() -> Iterator[DynamodbServer]:
    """Run dynalite, with its rows in a folder that goes away."""
    if not _DYNALITE.exists():
        raise RuntimeError("The dynamodb emulator is not installed; run scripts/install_servers.sh.")
    at_once = [part for what in ("create", "delete", "update") for part in (f"--{what}TableMs", "0")]
    command = [shutil.which("node") or "node", str(_DYNALITE), "--host", "127.0.0.1", "--port", "{port}"]
    with _running([*command, "--path", "rows", *at_once], {}) as server:
        yield server


@contextmanager
def run_moto(**environ: str) -> Iterator[DynamodbServer]:
    """Run moto, which keeps rows in memory only, and whose conditional writes are not atomic."""
    with _running([sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", "{port}"], environ) as server:
        yield server


@contextmanager
def _running(command: Sequence[str], environ: Mapping[str, str]) -> Iterator[DynamodbServer]:
    folder = Path(tempfile.mkdtemp(prefix="repast-dynamodb-"))
    server = DynamodbServer(folder, command, environ)
    try:
        server.start()
        yield server
    finally:
        server.kill()
        shutil.rmtree(folder, ignore_errors=True)
