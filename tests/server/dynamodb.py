"""DynamoDB for tests: dynalite, whose conditional writes are atomic and whose rows survive it; moto for the rest."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from server.port import free_port

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
    node = [shutil.which("node") or "node", "--require", str(Path(__file__).with_name("dynalite.cjs"))]
    command = [*node, str(_DYNALITE), "--host", "127.0.0.1", "--port", "{port}"]
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


class Gate(ThreadingHTTPServer):
    """Passes requests on to a server, but refuses as many as ``left`` says, as AWS words it: the emulators never do."""

    daemon_threads = True

    def __init__(self, target: str, code: str) -> None:
        super().__init__(("127.0.0.1", 0), _Gatekeeper)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.target, self.code = target, code
        self.left, self.refused = 0, 0
        self.lock = threading.Lock()
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()

    def close(self) -> None:
        self.shutdown()
        self.server_close()


class _Gatekeeper(BaseHTTPRequestHandler):
    server: Gate
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        with self.server.lock:
            refuse = self.server.left > 0
            self.server.left -= refuse
            self.server.refused += refuse
        if refuse:
            told = {"__type": f"com.amazonaws.dynamodb.v20120810#{self.server.code}", "message": "It was refused."}
            return self._answer(400, json.dumps(told).encode())
        request = urllib.request.Request(self.server.target, body, dict(self.headers), method="POST")
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return self._answer(answer.status, answer.read())
        except urllib.error.HTTPError as error:
            with error:
                return self._answer(error.code, error.read())

    def _answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/x-amz-json-1.0")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""
